package engine

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"crosswalk/freeport"
)

const portsFile = "engine.ports.json"

// ports are the addresses of one run. The first two are kept over restarts, so that a bookmark of
// the Temporal UI and a worker elsewhere find the engine again.
type ports struct {
	Frontend string `json:"frontend"`
	UI       string `json:"ui"`

	history, matching, worker string
}

func choosePorts(options Options) (ports, error) {
	before := loadPorts(options.Directory)
	var chosen ports
	var err error
	if chosen.Frontend, err = bindable(options.FrontendAddress, before.Frontend); err != nil {
		return ports{}, fmt.Errorf("engine: address of the Temporal server: %w", err)
	}
	// The UI opens its listener itself, so it only needs to know what to try.
	chosen.UI = options.UIAddress
	if !options.NoUI {
		if chosen.UI, err = bindable(options.UIAddress, before.UI); err != nil {
			return ports{}, fmt.Errorf("engine: address of the Temporal UI: %w", err)
		}
	}
	for _, internal := range []*string{&chosen.history, &chosen.matching, &chosen.worker} {
		for *internal == "" || samePort(*internal, chosen.Frontend) || samePort(*internal, chosen.UI) { // which may be those of an earlier run
			if *internal, err = freeport.Address("127.0.0.1"); err != nil {
				return ports{}, fmt.Errorf("engine: %w", err)
			}
		}
	}
	return chosen, nil
}

// bindable resolves the wanted address to host:port with an IP and a port that is free right now.
// With port 0 the one of the last run is preferred. The server opens its ports by number, seconds after us: a port that
// a connection of another program can be given in between would end the start.
func bindable(wanted, before string) (string, error) {
	address, err := net.ResolveTCPAddr("tcp", wanted)
	if err != nil {
		return "", err
	}
	if address.IP == nil {
		return "", fmt.Errorf("%q names no host; write 0.0.0.0 if every network shall reach it", wanted)
	}
	if address.Port != 0 {
		return address.String(), probe(address.String())
	}
	if last, err := net.ResolveTCPAddr("tcp", before); err == nil && last.IP.Equal(address.IP) && freeport.Lasting(last.Port) && probe(before) == nil {
		return before, nil
	}
	return freeport.Address(address.IP.String())
}

func samePort(one, other string) bool {
	_, port, err := net.SplitHostPort(one)
	_, second, errOther := net.SplitHostPort(other)
	return err == nil && errOther == nil && port == second
}

func probe(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return listener.Close()
}

// dialAddress is where a client of this machine reaches a server that listens on address.
func dialAddress(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

// loadPorts reads what an earlier run chose. A file that is missing or damaged only costs a new port.
func loadPorts(directory string) (before ports) {
	if directory == "" {
		return before
	}
	text, err := os.ReadFile(filepath.Join(directory, portsFile))
	if err != nil || json.Unmarshal(text, &before) != nil {
		return ports{}
	}
	return before
}

func (p ports) save(directory string) error {
	if directory == "" {
		return nil
	}
	text, err := json.Marshal(p)
	if err == nil {
		err = os.WriteFile(filepath.Join(directory, portsFile), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("engine: remembering the ports: %w", err)
	}
	return nil
}
