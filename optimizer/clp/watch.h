// What Clp_C_Interface.h lacks: a solve that can be stopped from another
// thread and that lets no C++ exception out, work areas kept between solves,
// and changes of single bounds.
#ifndef DUNNING_CLP_WATCH_H
#define DUNNING_CLP_WATCH_H

#ifdef __cplusplus
extern "C" {
#endif

// Methods of watch_solve.
enum { WATCH_DUAL, WATCH_PRIMAL, WATCH_BARRIER };

// Answer of watch_solve, beside CLP's problem statuses, to a C++ exception.
enum { WATCH_EXCEPTION = -100 };

// A watch stops solves of one model. watch_stop may be called from any thread.
typedef struct Watch Watch;
Watch *watch_new(void *model);
void watch_delete(Watch *watch);
void watch_reset(Watch *watch);
void watch_stop(Watch *watch);
int watch_stopped(Watch *watch); // whether a solve was stopped since the reset

// watch_solve runs one method and returns CLP's problem status. keep are the
// startFinishOptions of ClpSimplex::dual: 1 keeps the work areas afterwards, 2
// starts from the kept factorization, 4 from the kept work areas.
int watch_solve(void *model, int method, int keep);

void watch_row_bounds(void *model, int row, double lower, double upper);
void watch_col_bounds(void *model, int col, double lower, double upper);
void watch_objective(void *model, int col, double objective);

#ifdef __cplusplus
}
#endif

#endif
