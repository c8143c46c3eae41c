"""Trains and predicts with Python's xgboost and scikit-learn for BenchmarkBesidePython.

Reads one JSON request a line on stdin and answers each with one line of JSON. Times
are taken around the library's calls alone: processor seconds of the whole process,
and seconds of the clock.
"""
import json
import sys
import time

import numpy
import xgboost


class Watch:
    """Adds the times of its with-blocks up."""

    def __init__(self):
        self.cpu = self.wall = 0.0

    def __enter__(self):
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def __exit__(self, *_):
        self.cpu += time.process_time() - self._cpu
        self.wall += time.perf_counter() - self._wall

    def times(self):
        return {"cpu": self.cpu, "wall": self.wall}


class State:
    x = None  # all rows, row by row
    y = None  # labels of the first rows
    booster = None


def load(r):
    State.x = numpy.fromfile(r["values"], dtype="<f4").reshape(-1, r["columns"])
    State.y = numpy.fromfile(r["labels"], dtype="<f4")
    return {}


def train(r):
    matrix, boost = Watch(), Watch()
    x = State.x[: len(State.y)]
    with matrix:
        d = xgboost.DMatrix(x, State.y, nthread=r["threads"])
    with boost:
        State.booster = xgboost.train(r["settings"], d, num_boost_round=r["rounds"])
    return {"matrix": matrix.times(), "work": boost.times()}


def predict(r):
    matrix, work = Watch(), Watch()
    State.booster.set_param({"nthread": r["threads"]})
    if r["inplace"]:
        with work:
            p = State.booster.inplace_predict(State.x)
    else:
        with matrix:  # a matrix that was seen before would be answered from a cache
            d = xgboost.DMatrix(State.x, nthread=r["threads"])
        with work:
            p = State.booster.predict(d)
    p.astype("<f4").tofile(r["out"])
    return {"matrix": matrix.times(), "work": work.times()}


def row(r):
    work = Watch()
    State.booster.set_param({"nthread": 1})
    for i in range(r["rows"]):
        one = State.x[i : i + 1]
        with work:
            State.booster.inplace_predict(one)
    return {"matrix": Watch().times(), "work": work.times()}


def scikit(r):
    """Trains scikit-learn's histogram trees and predicts all rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    train, work = Watch(), Watch()
    with threadpool_limits(limits=r["threads"]):
        with train:
            model = HistGradientBoostingClassifier(
                max_iter=r["rounds"], learning_rate=r["rate"], max_depth=r["depth"],
                max_leaf_nodes=None, max_bins=255, early_stopping=False,
            ).fit(State.x[: len(State.y)], State.y)
        with work:
            p = model.predict_proba(State.x)[:, 1]
    p.astype("<f4").tofile(r["out"])
    return {"matrix": train.times(), "work": work.times()}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(globals()[request["do"]](request)), flush=True)
