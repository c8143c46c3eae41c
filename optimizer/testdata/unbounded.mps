* maximise x with x >= 1 only.
NAME unbounded FREE
OBJSENSE MAX
ROWS
 N z
 G low
COLUMNS
 x z 1 low 1
RHS
 rhs low 1
ENDATA
