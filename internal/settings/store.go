package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/pocketbase/pocketbase/core"
)

// Options configure a Store.
type Options struct {
	Env       func(string) string // os.Getenv, or a test's own
	DataDir   string              // where the key file lies
	PublicURL string              // origin that WeChat can reach, when WXBASE_PUBLIC_URL is not set
	Simulated bool                // the simulator will be in force: it reaches a plain http origin too
}

// Store answers which mini programs and merchants there are. Safe for concurrent use.
type Store struct {
	app         core.App
	vault       *Vault
	keyFromFile bool
	dir         string
	getenv      func(string) string
	env         environment

	mu        sync.RWMutex
	publicURL string
	simApps   []App
	simMchs   []Merchant
	current   *snapshot // nil: read again
}

// snapshot is all of the settings at one moment, strongest source first.
type snapshot struct {
	apps      []App
	merchants []Merchant
	problems  []string
	simulated bool // the simulator is in force, and nothing else
}

// New opens the store and binds it to the records of app: secrets are encrypted on the way in and masked on the way out from here on.
func New(app core.App, o Options) (*Store, error) {
	env, err := readEnvironment(o.Env, o.Simulated)
	if err != nil {
		return nil, err
	}
	// note: a program that embeds wxbase may name its own address on this machine; the advice says that WeChat does not reach it
	if o.PublicURL, err = checkPublicURL(o.PublicURL, o.Simulated || env.allowCustom || isOwnMachine(o.PublicURL)); err != nil {
		return nil, fmt.Errorf("public URL %w", err)
	}
	vault, fromFile, err := OpenVault(o.DataDir, o.Env)
	if err != nil {
		return nil, err
	}
	s := &Store{app: app, vault: vault, keyFromFile: fromFile, dir: o.DataDir, getenv: o.Env, env: env, publicURL: o.PublicURL}
	s.bind()
	return s, nil
}

func (s *Store) bind() {
	names := []string{"wx_apps", "wx_merchants"}
	s.app.OnRecordCreate(names...).BindFunc(s.sealRecord)
	s.app.OnRecordUpdate(names...).BindFunc(s.sealRecord)
	s.app.OnRecordEnrich(names...).BindFunc(s.maskRecord)
	s.app.OnRecordAfterCreateSuccess(names...).BindFunc(s.forget)
	s.app.OnRecordAfterUpdateSuccess(names...).BindFunc(s.forget)
	s.app.OnRecordAfterDeleteSuccess(names...).BindFunc(s.forget)
}

func (s *Store) forget(e *core.RecordEvent) error {
	s.mu.Lock()
	s.current = nil
	s.mu.Unlock()
	return e.Next()
}

// String names the store and shows no secret.
func (s *Store) String() string { return "settings" }

// GoString redacts like String, so that %#v gives nothing away.
func (s *Store) GoString() string { return s.String() }

// Vault encrypts what belongs to other rooms, such as session keys.
func (s *Store) Vault() *Vault { return s.vault }

// KeyFromFile tells whether the key that protects the secrets lies in the data folder.
func (s *Store) KeyFromFile() bool { return s.keyFromFile }

// HasRetiredKeys tells whether keys of before lie in the data folder.
func (s *Store) HasRetiredKeys() bool {
	_, err := os.Stat(filepath.Join(s.dir, RetiredKeyFile))
	return err == nil
}

// UseSimulator puts the simulator's mini programs and merchants in force, above every other source.
func (s *Store) UseSimulator(apps []App, merchants []Merchant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.simApps, s.simMchs, s.current = slices.Clone(apps), slices.Clone(merchants), nil
}

// IsSimulated tells whether the WeChat of this server is a simulated one.
func (s *Store) IsSimulated() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.simApps) > 0
}

// SetPublicURL sets the origin that WeChat can reach, unless the environment names one.
func (s *Store) SetPublicURL(origin string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publicURL = origin
}

// PublicURL is the origin that WeChat can reach, without a trailing slash; empty when it is not set.
func (s *Store) PublicURL() string {
	if s.env.publicURL != "" {
		return s.env.publicURL
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.publicURL
}

// App finds a mini program; an empty appid means the only one, or the strongest source's first. It fails with ErrNotConfigured.
func (s *Store) App(appID string) (App, error) {
	snap, err := s.snapshot()
	if err != nil {
		return App{}, err
	}
	for _, a := range snap.apps {
		if snap.simulated && a.Source != SourceSim {
			continue // NB! beside a WeChat where anyone can pay, real merchants are disabled
		}
		if a.AppID == appID || appID == "" && (len(snap.apps) == 1 || a.Source != SourceStored) {
			return a, nil
		}
	}
	if appID == "" && len(snap.apps) > 1 {
		return App{}, fmt.Errorf("several mini programs, none named: %w", ErrNotConfigured)
	}
	return App{}, fmt.Errorf("mini program: %w", ErrNotConfigured)
}

// Merchant finds a merchant; an empty mchid means the only one. It fails with ErrNotConfigured.
func (s *Store) Merchant(mchID string) (Merchant, error) {
	snap, err := s.snapshot()
	if err != nil {
		return Merchant{}, err
	}
	for _, m := range snap.merchants {
		if snap.simulated && m.Source != SourceSim {
			continue
		}
		if m.MchID == mchID || mchID == "" && len(snap.merchants) == 1 {
			return m, nil
		}
	}
	return Merchant{}, fmt.Errorf("merchant: %w", ErrNotConfigured)
}

// Apps lists the mini programs in force.
func (s *Store) Apps() ([]App, error) {
	snap, err := s.snapshot()
	if err != nil {
		return nil, err
	}
	return slices.Clone(snap.apps), nil
}

// Merchants lists the merchants in force.
func (s *Store) Merchants() ([]Merchant, error) {
	snap, err := s.snapshot()
	if err != nil {
		return nil, err
	}
	return slices.Clone(snap.merchants), nil
}

func (s *Store) snapshot() (*snapshot, error) {
	s.mu.RLock()
	snap := s.current
	s.mu.RUnlock()
	if snap != nil {
		return snap, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil {
		return s.current, nil
	}
	snap, err := s.load()
	if err != nil {
		return nil, err
	}
	s.current = snap
	return snap, nil
}
