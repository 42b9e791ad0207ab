// Command credit-check is a worker of your own beside Crosswalk: an ordinary Temporal program that knows nothing of it.
// A use case runs its workflow and its activity by name and task queue; see workspace/usecases/new-customer.yaml and
// docs/extending.md. What is here in Go could be in any language that Temporal has a kit for.
package main

import (
	"flag"
	"log"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

// queue is the task queue that the use case names.
const queue = "credit"

func main() {
	address := flag.String("temporal", "127.0.0.1:7233", "where Temporal is: crosswalk up prints it")
	namespace := flag.String("namespace", "crosswalk", "the namespace of Crosswalk")
	flag.Parse()
	c, err := client.Dial(client.Options{HostPort: *address, Namespace: *namespace})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	w := worker.New(c, queue, worker.Options{})
	register(w)
	if err := w.Run(worker.InterruptCh()); err != nil {
		log.Fatal(err)
	}
}

// register names what this worker does. The names stand in use cases: they are not changed lightly.
func register(w worker.Registry) {
	w.RegisterWorkflow(CheckCredit)
	w.RegisterActivity(FindCompany)
	w.RegisterActivity(Score)
}
