// Package sandbox is the demo company "Nordwind Home", a seller of household appliances, as the outside world of
// Crosswalk: one generated world of customers, orders, invoices, parcels and stock, and for each of the company's
// systems a stand-in that speaks the wire protocol of a real product. It runs as a process of its own, keeps its state
// over kill -9, and lets tests order faults. It imports nothing else of this module, so that what it answers can never
// agree with a bug on the other side.
package sandbox
