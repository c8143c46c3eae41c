* Beale (1955): the simplex method cycles under Dantzig's rule; optimum 0.05 at
* (0.04, 0, 1, 0) for maximise 0.75a - 150b + 0.02c - 6d.
NAME beale FREE
ROWS
 N cost
 L r1
 L r2
 L r3
COLUMNS
 a cost -0.75 r1 0.25
 a r2 0.5
 b cost 150 r1 -60
 b r2 -90
 c cost -0.02 r1 -0.04
 c r2 -0.02 r3 1
 d cost 6 r1 9
 d r2 3
RHS
 rhs r3 1
ENDATA
