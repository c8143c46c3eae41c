#include "textflag.h"

// One step of one row: R holds its node, LANE says which of the eight rows it
// is. CMPL sets the borrow where the key is below the threshold.
#define STEP(R, LANE) \
	MOVWLZX 4(SI)(R*8), AX; \
	MOVL LANE*4(DI)(AX*4), AX; \
	MOVWLZX 6(SI)(R*8), BX; \
	CMPL AX, 0(SI)(R*8); \
	SBBL $0, BX; \
	MOVL BX, R

// func machineWalk(nodes *packedNode, keys *uint32, depth int, at *[lanes8]uint32)
TEXT ·machineWalk(SB), NOSPLIT, $0-32
	MOVQ nodes+0(FP), SI
	MOVQ keys+8(FP), DI
	MOVQ depth+16(FP), CX
	XORL R8, R8
	XORL R9, R9
	XORL R10, R10
	XORL R11, R11
	XORL R12, R12
	XORL R13, R13
	XORL DX, DX
	XORL R15, R15
	TESTQ CX, CX
	JZ done

loop:
	STEP(R8, 0)
	STEP(R9, 1)
	STEP(R10, 2)
	STEP(R11, 3)
	STEP(R12, 4)
	STEP(R13, 5)
	STEP(DX, 6)
	STEP(R15, 7)
	DECQ CX
	JNZ loop

done:
	MOVQ at+24(FP), AX
	MOVL R8, 0(AX)
	MOVL R9, 4(AX)
	MOVL R10, 8(AX)
	MOVL R11, 12(AX)
	MOVL R12, 16(AX)
	MOVL R13, 20(AX)
	MOVL DX, 24(AX)
	MOVL R15, 28(AX)
	RET
