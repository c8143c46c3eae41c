* Chvatal, Linear Programming (1983), chapter 2: optimum 13 at (2, 0, 1).
* Written as a minimum of the negated objective.
NAME chvatal FREE
ROWS
 N cost
 L a
 L b
 L c
COLUMNS
 x1 cost -5 a 2
 x1 b 4 c 3
 x2 cost -4 a 3
 x2 b 1 c 4
 x3 cost -3 a 1
 x3 b 2 c 2
RHS
 rhs a 5 b 11
 rhs c 8
ENDATA
