// Package sqlledger runs SQL-Ledger, a real application of the nineties' kind (Perl CGI, framesets, fields without labels),
// from Debian's package "sql-ledger" on a PostgreSQL of its own, for robots to work in.
//
// The package expects its folder at one place and to be written to by the web server, so that a patched copy in a
// temporary folder runs here, behind a small CGI server on the loopback address.
package sqlledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"crosswalk/e2e/postgres"
)

// The account that robots use, and the folder of Debian's package.
const (
	User      = "robot"
	Password  = "for-robots"
	Dataset   = "ledger"
	installed = "/usr/share/sql-ledger"
)

// Server is a running SQL-Ledger.
type Server struct {
	URL string
	DSN string // of its database, to look at the truth
	// Between, if it is set before the first request, may answer a request instead of SQL-Ledger, or watch it.
	Between func(http.ResponseWriter, *http.Request, http.Handler)

	folder   string
	database *postgres.Server
	server   *http.Server
}

// Start copies and patches the application, makes its database with two customers and two articles, and serves it on a
// free port, or on the address given.
func Start(ctx context.Context, address string) (s *Server, err error) {
	s = &Server{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("SQL-Ledger for tests (scripts/setup test installs it): %w", err), s.Stop())
		}
	}()
	if s.folder, err = os.MkdirTemp("", "crosswalk-sql-ledger-"); err != nil {
		return s, err
	}
	if err := s.copy(); err != nil {
		return s, err
	}
	if s.database, err = postgres.Start(ctx); err != nil {
		return s, err
	}
	if s.DSN, err = s.database.Create(ctx, Dataset); err != nil {
		return s, err
	}
	if err := s.fill(ctx); err != nil {
		return s, err
	}
	if err := s.member(ctx); err != nil {
		return s, err
	}
	if address == "" {
		address = "127.0.0.1:0"
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return s, err
	}
	s.URL = "http://" + listener.Addr().String()
	s.server = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(listener) }() // it ends with Stop
	return s, nil
}

// Stop ends everything and removes it.
func (s *Server) Stop() error {
	var errs []error
	if s.server != nil {
		errs = append(errs, s.server.Close())
	}
	if s.database != nil {
		errs = append(errs, s.database.Stop())
	}
	if s.folder != "" {
		errs = append(errs, os.RemoveAll(s.folder))
	}
	return errors.Join(errs...)
}

// copy puts the application into the folder, with that folder in place of the one it was installed in.
func (s *Server) copy() error {
	err := filepath.WalkDir(installed, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(installed, path)
		switch {
		case name == "doc" || name == "locale":
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(s.folder, name), 0o700)
		case entry.Type()&fs.ModeSymlink != 0:
			return nil // to folders of the whole machine; they are made below
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasSuffix(name, ".pl") {
			text = []byte(strings.ReplaceAll(string(text), installed, s.folder))
		}
		if name == "SL/Form.pm" { // it passes bytes on; newer drivers would make characters of them, and store those twice encoded
			text = []byte(strings.ReplaceAll(string(text), "{AutoCommit =>", "{pg_enable_utf8 => 0, AutoCommit =>"))
		}
		return os.WriteFile(filepath.Join(s.folder, name), text, 0o700)
	})
	if err != nil {
		return err
	}
	for _, name := range []string{"users", "spool", "templates", "css", "locale"} {
		if err := os.MkdirAll(filepath.Join(s.folder, name), 0o700); err != nil {
			return err
		}
	}
	return s.write("sql-ledger.conf", `use vars qw($userspath $spool $memberfile $templates $sendmail $images $language $charset $latex $gzip $dvipdf $pdftk $xelatex);
$userspath = "users"; $spool = "spool"; $templates = "templates"; $memberfile = "users/members"; $sendmail = "| cat >/dev/null";
$images = "images"; $language = ""; $charset = "UTF8"; $latex = 0;
1;
`)
}

func (s *Server) write(name, text string) error {
	return os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600)
}

// seed is what is there from the start: an account, two customers, two articles.
const seed = `
INSERT INTO employee (login, name, sales) VALUES ('` + User + `', 'Robot', '1');
INSERT INTO defaults (fldname, fldvalue) VALUES ('company', 'Demo Ltd');
INSERT INTO customer (name, customernumber, email, phone, curr, startdate, arap_accno_id) SELECT v.name, v.number, v.email, v.phone, 'USD', '2026-01-01', chart.id
	FROM (VALUES ('Ada Brown', 'C-1', 'ada@example.com', '+1 555 0101'), ('Ben Cole', 'C-2', 'ben@example.com', '+1 555 0102')) v (name, number, email, phone), chart WHERE chart.accno = '1200';
INSERT INTO address (trans_id, address1, city) SELECT id, 'Main Street 1', 'Springfield' FROM customer;
INSERT INTO contact (trans_id, typeofcontact, email) SELECT id, 'company', email FROM customer;
INSERT INTO parts (partnumber, description, unit, sellprice, onhand, income_accno_id, expense_accno_id) SELECT v.number, v.description, 'pc', v.price, 0, sale.id, cost.id
	FROM (VALUES ('KB-1', 'Keyboard', 49.90), ('MS-1', 'Mouse', 19.50)) v (number, description, price), chart sale, chart cost WHERE sale.accno = '4010' AND cost.accno = '5010';
`

func (s *Server) fill(ctx context.Context) error {
	connection, err := pgx.Connect(ctx, s.DSN)
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	for _, name := range []string{"Pg-tables.sql", "Pg-functions.sql", "US_General-chart.sql", "Mimetype.sql", "Pg-indices.sql", "Pg-upgrade-3.2.0-3.2.1.sql"} {
		text, err := os.ReadFile(filepath.Join(installed, "sql", name))
		if err != nil {
			return err
		}
		if _, err := connection.PgConn().Exec(ctx, string(text)).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	_, err = connection.PgConn().Exec(ctx, seed).ReadAll()
	return err
}

// member makes the account, in the file that SQL-Ledger keeps its accounts in.
func (s *Server) member(ctx context.Context) error {
	hash, err := exec.CommandContext(ctx, "perl", "-e", "print crypt($ARGV[0], substr($ARGV[1], 0, 2))", Password, User).Output()
	if err != nil {
		return fmt.Errorf("perl: %w", err)
	}
	user, password := s.database.User()
	packed, err := exec.CommandContext(ctx, "perl", "-e", "print pack('u', $ARGV[0])", password).Output()
	if err != nil {
		return fmt.Errorf("perl: %w", err)
	}
	host, port, err := net.SplitHostPort(s.database.Address())
	if err != nil {
		return err
	}
	return s.write("users/members", fmt.Sprintf(`[root login]
password=

[%s@%s]
acs=
charset=UTF8
company=Demo Ltd
currency=USD
dateformat=yy-mm-dd
dbconnect=dbi:Pg:dbname=%[2]s;host=%[3]s;port=%[4]s
dbdriver=Pg
dbhost=%[3]s
dbname=%[2]s
dboptions=set DateStyle to 'ISO';set client_encoding to 'UTF8'
dbpasswd=%[5]s
dbport=%[4]s
dbuser=%[6]s
menuwidth=155
name=Robot
numberformat=1,000.00
password=%[7]s
role=user
stylesheet=sql-ledger.css
templates=ledger
timeout=86400
vclimit=1000

`, User, Dataset, host, port, strings.TrimSpace(string(packed)), user, hash))
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if s.Between != nil {
		s.Between(w, r, http.HandlerFunc(s.answer))
		return
	}
	s.answer(w, r)
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request) {
	name := filepath.Base(r.URL.Path)
	if !strings.HasSuffix(name, ".pl") {
		http.FileServer(http.Dir(s.folder)).ServeHTTP(w, r)
		return
	}
	(&cgi.Handler{Path: filepath.Join(s.folder, name), Dir: s.folder, Root: "/"}).ServeHTTP(w, r)
}
