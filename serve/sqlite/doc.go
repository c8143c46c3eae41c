// Package sqlite opens databases in files so that what was committed stays, even
// on a disk whose syncs fail. The ledger, the keys and the people of a home live
// in one such file; each of them opens it here.
//
// SQLite in WAL mode is durable by itself as long as every sync succeeds. Five
// things are not, and are done here for all connections of the process:
//
//   - A checkpoint that readers keep from the end of the log counts its pages as
//     copied without a sync of the database. Where the sync of the next one fails,
//     the system may forget those pages for good, SQLite does not report it, and
//     never copies them again. Here a connection of its own checkpoints, and after
//     the first sync that fails, there or at a commit, nothing is written any more:
//     [ErrFailed].
//   - Then only the log has everything, and only a process that is alone with the
//     file copies it from its beginning. A mark beside the file keeps others out
//     until all that had it open are gone.
//   - A commit whose sync failed was refused, but if its process dies at once, the
//     next one finds it whole in the system's cache and appends to what the disk
//     may not have. So the log is copied and emptied before the first write.
//   - While it is copied, neither the log nor the database on the disk has that
//     commit whole, and SQLite's own sync of the log does not help: the system
//     takes the lost bytes for written. So who is alone with the file first writes
//     the log again, byte for byte.
//   - Closing any descriptor of a file drops all locks that the process has on it
//     (POSIX, fcntl), and a database whose locks are gone has its log removed by
//     the next process that leaves. So the file is opened once, before the first
//     connection, and closed after the last.
//
// Sources: SQLite, "Write-Ahead Logging" and "How To Corrupt An SQLite Database
// File" (sqlite.org/wal.html, sqlite.org/howtocorrupt.html §2.2); Rebello et al.,
// "Can Applications Recover from fsync Failures?", USENIX ATC 2020.
package sqlite
