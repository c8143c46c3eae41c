* Every kind of bound and range, by hand: maximise p + q - f + g with
* 1 <= p <= 2, -3 <= q (free below 0 through MI) <= 4, f = 2.5, g free,
* equation g + f = 1 with range -2 (so -1 <= g + f <= 1), 2 <= p + q <= 5 as G
* with range 3. Optimum: p + q = 5, g = 1 - 2.5: 5 - 2.5 - 1.5 = 1.
NAME bounds FREE
OBJSENSE MAX
ROWS
 N z
 N ignored
 G pq
 E gf
COLUMNS
 p z 1 pq 1
 p ignored 7
 q z 1 pq 1
 f z -1 gf 1
 g z 1 gf 1
RHS
 rhs pq 2 gf 1
RANGES
 rng pq 3 gf -2
BOUNDS
 LO bnd p 1
 UP bnd p 2
 MI bnd q
 UP bnd q 4
 FX bnd f 2.5
 FR bnd g
ENDATA
