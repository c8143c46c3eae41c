* x >= 3 and x <= 2.
NAME infeasible FREE
ROWS
 N z
 G low
 L high
COLUMNS
 x z 1 low 1
 x high 1
RHS
 rhs low 3 high 2
ENDATA
