package sqlite

/*
#include <malloc.h>

// Both are of glibc; other C libraries have one heap anyway.
static void one_arena(void) {
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 32 << 20);
#endif
}
*/
import "C"

import "sync"

// oneArena has all threads take C memory from one heap, from the first database
// on. SQLite allocates each page of its caches by itself, and Go calls it from
// whichever thread is free: with glibc's heap for each thread, every one of them
// in time grows to the most that was ever taken from it, and keeps it. SQLite
// takes memory under one lock in any case, so that nobody waits longer.
//
// Readers give their cached pages back at each commit of a writer. They go back to
// the system once 32 MiB are free, not each time, since taking them anew costs more
// than the reading.
var oneArena = sync.OnceFunc(func() { C.one_arena() })
