// Package mytest gives tests a real MariaDB: one private server for each test process, made by the
// first call of New, in a temporary folder, on a free port of 127.0.0.1, and a fresh empty
// database for each call.
//
//	func TestMain(m *testing.M) { mytest.Main(m) }
//
//	func TestRows(t *testing.T) {
//		t.Parallel()
//		db, err := sql.Open("mysql", mytest.New(t).DSN)
//		…
//	}
//
// It promises that nothing is left running: Main stops the server, and the kernel stops it when
// the test process is killed. A folder left by a killed process is removed by the next one.
// Durability is off: a killed *machine* loses data here, a killed server (Restart) does not.
package mytest
