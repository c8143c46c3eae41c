//go:build cgo

#include <atomic>

#include <ClpEventHandler.hpp>
#include <ClpSimplex.hpp>
#include <ClpSolve.hpp>
#define CLP_EXTERN_C
#include <Clp_C_Interface.h>

#include "watch.h"

struct Watch {
  std::atomic<int> stop{0};
  std::atomic<int> stopped{0};
};

namespace {

// Handler is asked by CLP once an iteration, in presolve and barrier too. CLP
// clones it freely, so it only points to the watch.
class Handler : public ClpEventHandler {
public:
  explicit Handler(Watch *watch) : watch_(watch) {}
  int event(Event) override {
    if (watch_->stop.load(std::memory_order_relaxed) == 0)
      return -1;
    watch_->stopped.store(1, std::memory_order_relaxed);
    return 0;
  }
  ClpEventHandler *clone() const override { return new Handler(*this); }

private:
  Watch *watch_;
};

ClpSimplex *simplex(void *model) { return static_cast<Clp_Simplex *>(model)->model_; }

} // namespace

extern "C" {

Watch *watch_new(void *model) {
  Watch *watch = new Watch;
  Handler handler(watch);
  simplex(model)->passInEventHandler(&handler);
  return watch;
}

void watch_delete(Watch *watch) { delete watch; }

void watch_reset(Watch *watch) {
  watch->stop.store(0);
  watch->stopped.store(0);
}

void watch_stop(Watch *watch) { watch->stop.store(1); }

int watch_stopped(Watch *watch) { return watch->stopped.load(); }

int watch_solve(void *model, int method, int keep) {
  ClpSimplex *clp = simplex(model);
  try {
    clp->setNumberIterations(0);
    switch (method) {
    case WATCH_DUAL:
      return clp->dual(0, keep);
    case WATCH_PRIMAL:
      return clp->primal(0, keep);
    default:
      clp->initialBarrierSolve();
      return clp->status(); // not what it returns, which is the crossover's
    }
  } catch (...) {
    return WATCH_EXCEPTION;
  }
}

void watch_row_bounds(void *model, int row, double lower, double upper) {
  simplex(model)->setRowBounds(row, lower, upper);
}

void watch_col_bounds(void *model, int col, double lower, double upper) {
  simplex(model)->setColumnBounds(col, lower, upper);
}

void watch_objective(void *model, int col, double objective) {
  simplex(model)->setObjectiveCoefficient(col, objective);
}
}
