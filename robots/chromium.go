package robots

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Kind says which build of Chromium a system's robots need.
type Kind string

const (
	// Shell is chromium-headless-shell: about a third of the processor time and memory of the other.
	Shell Kind = "shell"
	// Full is Chromium itself, for the rare page that the shell cannot show.
	Full Kind = "full"
)

// Debian's wrapper scripts add flags and load extensions, so the programs behind them are started.
var programs = map[Kind][]string{
	Shell: {"/usr/lib/chromium/chromium-headless-shell", "chromium-headless-shell", "headless-shell", "chrome-headless-shell"},
	Full:  {"/usr/lib/chromium/chromium", "chromium", "chromium-browser", "google-chrome-stable", "google-chrome"},
}

// ErrNoChromium means that this machine has no Chromium. Nothing is ever downloaded instead.
var ErrNoChromium = errors.New("no Chromium found: install it with `apt-get install chromium-headless-shell` (or chromium), or name the program in CROSSWALK_CHROMIUM")

// FindChromium returns the program to start: the one in CROSSWALK_CHROMIUM, else the build that was asked
// for, else the other one.
func FindChromium(kind Kind) (string, error) {
	if path := os.Getenv("CROSSWALK_CHROMIUM"); path != "" {
		return exec.LookPath(path)
	}
	other := Full
	if kind == Full {
		other = Shell
	}
	for _, name := range append(append([]string(nil), programs[kind]...), programs[other]...) {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoChromium
}

// flags switch off everything that a browser does on its own account: robots talk to the hosts of their
// system and to nobody else.
var flags = []string{
	"--headless", "--remote-debugging-pipe", "--no-first-run", "--no-default-browser-check", "--no-startup-window",
	"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps",
	"--disable-extensions", "--disable-domain-reliability", "--disable-breakpad", "--disable-crash-reporter",
	"--disable-client-side-phishing-detection", "--metrics-recording-only", "--no-pings", "--password-store=basic",
	"--use-mock-keychain", "--mute-audio", "--disable-dev-shm-usage", "--disable-gpu", "--disable-3d-apis", "--force-color-profile=srgb",
	"--disable-background-timer-throttling", "--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding",
	"--disable-hang-monitor", "--disable-prompt-on-repost", "--disable-ipc-flooding-protection", "--allow-pre-commit-input",
	"--disable-features=Translate,MediaRouter,OptimizationHints,AutofillServerCommunication,BackForwardCache,CertificateTransparencyComponentUpdater,HttpsUpgrades,PaintHolding" +
		",RenderDocument", // which makes each new page all that shows one anew, for sites that do not trust their own
	"--js-flags=--max-old-space-size=512",        // MiB that the scripts of a page may take; then its tab crashes, and the others go on
	"--enable-features=NetworkServiceInProcess2", // a process less to talk to, for every request
	"--webrtc-ip-handling-policy=disable_non_proxied_udp", "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
}

// process is one running Chromium with its own profile directory.
type process struct {
	command *exec.Cmd
	profile string
	pipe    *pipe
	files   []*os.File
	stderr  *tail
	ended   chan struct{}
	stop    sync.Once
}

const profilePrefix = "crosswalk-chromium-"

func start(program string, noSandbox bool) (_ *process, err error) {
	profile, err := os.MkdirTemp("", profilePrefix+strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(profile)
		}
	}()
	commandsIn, commandsOut, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	answersIn, answersOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, commandsIn.Close(), commandsOut.Close())
	}
	p := &process{profile: profile, stderr: &tail{}, ended: make(chan struct{}), files: []*os.File{commandsOut, answersIn}}
	p.pipe = newPipe(answersIn, commandsOut)
	arguments := append([]string{"--user-data-dir=" + profile}, flags...)
	if strings.Contains(filepath.Base(program), "headless-shell") {
		// Pages are painted by the processor in any case: a process less to start, and to hand each picture of a page to.
		arguments = append(arguments, "--in-process-gpu")
	}
	if noSandbox || os.Geteuid() == 0 { // Chromium refuses its sandbox to root
		arguments = append(arguments, "--no-sandbox")
	}
	p.command = exec.Command(program, arguments...)
	p.command.ExtraFiles = []*os.File{commandsIn, answersOut} // become 3 and 4, where Chromium expects them
	p.command.Stderr = p.stderr
	p.command.Env = append(os.Environ(), "HOME="+profile, "XDG_CONFIG_HOME="+profile, "XDG_CACHE_HOME="+profile)
	p.command.WaitDelay = time.Second                           // for renderers that hold its standard error and outlive it
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // one signal reaches the whole tree; Ctrl-C reaches only us
	err = p.command.Start()
	_, _ = commandsIn.Close(), answersOut.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", program, err), commandsOut.Close(), answersIn.Close())
	}
	go p.reap()
	return p, nil
}

func (p *process) reap() {
	_ = p.command.Wait()
	// Renderers that outlive their browser for a moment still write to the profile.
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL)
	for range 20 {
		if os.RemoveAll(p.profile) == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	for _, file := range p.files {
		_ = file.Close()
	}
	close(p.ended)
}

// kill ends the browser and all its children at once and waits until its profile is gone.
func (p *process) kill() {
	p.stop.Do(func() { _ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL) })
	<-p.ended
}

// sweepProfiles removes the profile directories that processes left which are no longer alive.
func sweepProfiles() {
	entries, err := os.ReadDir(os.TempDir())
	if err != nil {
		return
	}
	for _, entry := range entries {
		owner, _, found := strings.Cut(strings.TrimPrefix(entry.Name(), profilePrefix), "-")
		pid, err := strconv.Atoi(owner)
		if !found || err != nil || !strings.HasPrefix(entry.Name(), profilePrefix) {
			continue
		}
		if syscall.Kill(pid, 0) == syscall.ESRCH {
			_ = os.RemoveAll(os.TempDir() + "/" + entry.Name())
		}
	}
}

// tail keeps the last bytes of what the browser wrote to its standard error.
type tail struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (t *tail) Write(text []byte) (int, error) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.text.Write(text)
	if extra := t.text.Len() - 2000; extra > 0 {
		t.text.Next(extra)
	}
	return len(text), nil
}

func (t *tail) String() string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return strings.TrimSpace(t.text.String())
}
