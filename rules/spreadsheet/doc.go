// Package spreadsheet reads rule tables from the workbooks (XLSX) and the CSV files that spreadsheet programs
// write, and writes workbooks that people can edit in them.
//
// It reads workbooks itself, as a stream and with limits, because a table may come from anybody: what is
// needed of a file is little, and nothing in it can make the reader allocate more than the file's content
// is worth. It never computes a formula and never follows a link.
package spreadsheet
