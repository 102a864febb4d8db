package hooks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"wxbase/internal/desk"
	"wxbase/internal/doctor"
	"wxbase/internal/settings"
	"wxbase/internal/sim"
	"wxbase/internal/wxpay"
)

// errProblemsFound makes `wxbase doctor` exit non-zero when a person has to act.
var errProblemsFound = errors.New("doctor has found problems")

// NewDoctorCommand makes `wxbase doctor`: what is wrong with the settings and around them, why, and how to mend it.
func (p *Plugin) NewDoctorCommand() *cobra.Command {
	var asJSON bool
	command := &cobra.Command{
		Use: "doctor", Short: "Checks the settings and what is around them, and says how to mend what is wrong", Args: cobra.NoArgs, SilenceUsage: true,
		RunE: func(command *cobra.Command, _ []string) error {
			shop, err := p.shopFromOutside(command.Context())
			if err != nil {
				return err
			}
			findings := doctor.Examine(command.Context(), shop, localeLanguage(p.cfg.Env))
			if err := printFindings(command.OutOrStdout(), findings, asJSON); err != nil {
				return err
			}
			if doctor.HasProblem(findings) {
				return errProblemsFound
			}
			return nil
		},
	}
	command.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return command
}

// localeLanguage is the language of a terminal, by the variables that say it.
func localeLanguage(env func(string) string) doctor.Language {
	if strings.HasPrefix(cmp.Or(env("LC_ALL"), env("LC_MESSAGES"), env("LANG")), "zh") {
		return doctor.Chinese
	}
	return doctor.English
}

func printFindings(out io.Writer, findings []doctor.Finding, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(map[string]any{"findings": findings})
	}
	for _, f := range findings {
		if _, err := fmt.Fprintf(out, "%-8s %-12s %s\n", f.State, f.Check, f.Title); err != nil {
			return err
		}
		if f.State == doctor.OK || f.State == doctor.Skipped {
			continue
		}
		for _, text := range []string{f.Why, f.Cure, f.Doc} {
			if text == "" {
				continue
			}
			if _, err := fmt.Fprintf(out, "%22s%s\n", "", text); err != nil {
				return err
			}
		}
	}
	return nil
}

// shop is what doctor looks at, seen from the server.
func (p *Plugin) shop() (doctor.Shop, error) {
	apps, err := p.settings.Apps()
	if err != nil {
		return doctor.Shop{}, err
	}
	merchants, err := p.settings.Merchants()
	if err != nil {
		return doctor.Shop{}, err
	}
	if p.cfg.Sim { // note: beside a WeChat where anybody can pay no real one is in force
		apps, merchants = ofSimulator(apps, merchants)
	}
	for i, a := range apps {
		apps[i] = p.simPush(a)
	}
	s := doctor.Shop{
		Apps: apps, Merchants: merchants, Unreadable: p.settings.Problems(), PublicURL: p.settings.PublicURL(), Simulated: p.cfg.Sim,
		Now: p.cfg.Now, Transport: p.clients.transport, Disk: p.room, Proxy: p.untrustedProxy, Built: builtModules,
		Gateway: func(m settings.Merchant, appID string) (wxpay.Gateway, error) { return p.clients.newGateway(m, appID) },
	}
	if !p.cfg.Sim {
		s.Backup = p.backupAge
	}
	return s, nil
}

func ofSimulator(apps []settings.App, merchants []settings.Merchant) (theirApps []settings.App, theirMerchants []settings.Merchant) {
	for _, a := range apps {
		if a.Source == settings.SourceSim {
			theirApps = append(theirApps, a)
		}
	}
	for _, m := range merchants {
		if m.Source == settings.SourceSim {
			theirMerchants = append(theirMerchants, m)
		}
	}
	return theirApps, theirMerchants
}

// shopFromOutside is the same seen from a command: the server runs elsewhere, and so does its simulator.
func (p *Plugin) shopFromOutside(ctx context.Context) (doctor.Shop, error) {
	if chosen, err := desk.LoadPreferences(p.app); err == nil && p.settings.PublicURL() == "" {
		p.settings.SetPublicURL(chosen.PublicURL)
	}
	if p.cfg.Sim {
		config, err := p.simConfig(ctx)
		if err != nil {
			return doctor.Shop{}, err
		}
		p.settings.UseSimulator(simSettings(config, p.cfg.Env))
		if p.settings.PublicURL() == "" {
			p.settings.SetPublicURL("http://127.0.0.1:8090")
		}
	}
	s, err := p.shop()
	s.Proxy = nil
	return s, err
}

// simConfig asks the simulator that a server has started.
func (p *Plugin) simConfig(ctx context.Context) (config sim.Config, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.cfg.SimHTTP+"/_sim/config", nil)
	if err != nil {
		return config, fmt.Errorf("ask the simulated WeChat: %w", err)
	}
	res, err := p.clients.transport.RoundTrip(req)
	if err != nil {
		return config, fmt.Errorf("no simulated WeChat answers at %s: start the server with --sim first, or leave --sim out", p.cfg.SimHTTP)
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(&config); err != nil || len(config.Apps) == 0 || len(config.Merchants) == 0 {
		return config, fmt.Errorf("what answers at %s is not the simulated WeChat", p.cfg.SimHTTP)
	}
	return config, nil
}

func (p *Plugin) room() (free, least uint64, err error) {
	free, err = freeBytes(p.app.DataDir())
	return free, p.leastFree(), err
}

func (p *Plugin) backupAge() (newest time.Time, most time.Duration, err error) {
	newest, err = lastBackup(p.app)
	if newest.IsZero() && err == nil && p.now().Sub(p.firstUse()) < 24*time.Hour {
		newest = p.firstUse() // a shop that began today has time
	}
	return newest, time.Duration(p.cfg.BackupHours) * time.Hour, err
}

// untrustedProxy is the header that was seen of a proxy, unless it has been entered since.
func (p *Plugin) untrustedProxy() string {
	header := p.proxy.header.Load()
	if header == nil || len(p.app.Settings().TrustedProxy.Headers) > 0 {
		return ""
	}
	return *header
}

// builtModules are the modules of this program. Tests and `go run` of some versions do not tell.
func builtModules() map[string]string {
	built := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return built
	}
	for _, m := range info.Deps {
		built[m.Path] = m.Version
	}
	return built
}

// setupDeps is what the dashboard's setup needs.
func (p *Plugin) setupDeps() desk.SetupDeps {
	return desk.SetupDeps{
		Settings: func() *settings.Store { return p.settings },
		Doctor: func(e *core.RequestEvent, in doctor.Language) ([]doctor.Finding, error) {
			shop, err := p.shop()
			if err != nil {
				return nil, err
			}
			return doctor.Examine(e.Request.Context(), shop, in), nil
		},
	}
}

// usePreferences puts the public address in force that the owner has entered in the dashboard.
func (p *Plugin) usePreferences(app core.App) error {
	chosen, err := desk.LoadPreferences(app)
	if err == nil && chosen.PublicURL != "" && p.settings.PublicURL() == "" {
		p.settings.SetPublicURL(chosen.PublicURL)
	}
	return err
}
