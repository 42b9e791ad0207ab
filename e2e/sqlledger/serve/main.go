// Command serve runs SQL-Ledger until it is interrupted, and then removes everything it made. See scripts/sql-ledger.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"crosswalk/e2e/sqlledger"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sql-ledger:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	address := "127.0.0.1:8765"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	server, err := sqlledger.Start(ctx, address)
	if err != nil {
		return err
	}
	fmt.Printf("SQL-Ledger: %s/login.pl, user %s, password %s\ndatabase:   %s\nCtrl-C ends it and removes its data.\n", server.URL, sqlledger.User, sqlledger.Password, server.DSN)
	<-ctx.Done()
	return server.Stop()
}
