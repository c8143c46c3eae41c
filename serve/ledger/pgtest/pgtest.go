// Package pgtest gives tests a PostgreSQL server of their own, in a temporary folder
// and reached through a socket there, with fsync off.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// cluster is the PostgreSQL server of this test run, started by the first test
// that wants one.
var cluster struct {
	once    sync.Once
	dir     string
	missing string // why there is none
	server  *exec.Cmd
	schemas atomic.Int64
}

// Schema makes an empty schema and returns its connection string. It skips the test
// where there is no PostgreSQL.
func Schema(t testing.TB) string {
	t.Helper()
	cluster.once.Do(startCluster)
	if cluster.missing != "" {
		t.Skip(cluster.missing)
	}
	schema := fmt.Sprintf("t%d", cluster.schemas.Add(1))
	dsn := fmt.Sprintf("host=%s user=postgres dbname=postgres search_path=%s", cluster.dir, schema)
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), "CREATE SCHEMA "+schema); err != nil {
		t.Fatal(err)
	}
	return dsn
}

// startCluster starts a server that is reached through a socket in a temporary
// folder only.
func startCluster() {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		cluster.missing = "no PostgreSQL server under /usr/lib/postgresql (Debian: apt install postgresql)"
		return
	}
	bin := filepath.Dir(found[len(found)-1])
	dir, err := os.MkdirTemp("", "pg") // short: a socket's path has at most 107 bytes
	if err != nil {
		panic(err)
	}
	cluster.dir = dir
	as := &syscall.SysProcAttr{}
	if os.Getuid() == 0 { // the server refuses to run as root
		u, err := user.Lookup("postgres")
		if err != nil {
			cluster.missing = "running as root, and there is no user postgres"
			return
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		as.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(dir, uid, gid); err != nil {
			panic(err)
		}
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", dir+"/data", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("initdb: %v\n%s", err, out))
	}
	// The server ends with this process, however that ends.
	as.Pdeathsig = syscall.SIGINT
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", dir+"/data", "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=64MB")
	server.SysProcAttr, server.Dir = as, dir
	if err := server.Start(); err != nil {
		panic(err)
	}
	cluster.server = server
	for range 200 {
		if conn, err := pgx.Connect(context.Background(), fmt.Sprintf("host=%s user=postgres dbname=postgres", dir)); err == nil {
			conn.Close(context.Background())
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	panic("the PostgreSQL server did not start within ten seconds")
}

// Stop ends the server, if one was started, and removes its files. It is called once,
// after all tests.
func Stop() {
	if cluster.server != nil {
		cluster.server.Process.Signal(syscall.SIGINT) // fast shutdown
		cluster.server.Wait()
	}
	if cluster.dir != "" {
		os.RemoveAll(cluster.dir)
	}
}
