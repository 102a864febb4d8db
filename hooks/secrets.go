package hooks

import (
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/core"
	"github.com/spf13/cobra"

	"wxbase/internal/books"
	"wxbase/internal/settings"
)

// secretsSubject is the alert about stored secrets that do not open.
const secretsSubject = "stored secrets"

// resealSecrets seals anew what another key has sealed, when the key has changed since the last start: WXBASE_SECRET_KEY set after a key
// file, or another value with the one before in WXBASE_SECRET_KEY_OLD. This process holds the data folder by now, so that none that knows
// the old key only is at work.
func (p *Plugin) resealSecrets(e *core.ServeEvent) error {
	done, err := p.accounts.Settings.Reseal()
	if err != nil {
		return err
	}
	if lost := done.Lost(); lost != "" {
		_, _ = fmt.Fprintln(p.cfg.Out, "  warning:", lost)
		return p.books.Raise(e.App, books.AlertSecret, secretsSubject, map[string]any{"columns": done.Unreadable})
	}
	if done.Renewed > 0 {
		_, _ = fmt.Fprintln(p.cfg.Out, "  secrets:", done.String()+retiredHint(p.accounts.Settings))
	}
	return p.books.Settle(e.App, books.AlertSecret, secretsSubject, "all stored secrets open")
}

// retiredHint says what is left to do with the keys of before.
func retiredHint(s *settings.Store) string {
	if !s.HasRetiredKeys() {
		return ""
	}
	return "; " + settings.RetiredKeyFile + " in the data folder opens backups of before: move it to where they are kept"
}

// errSecretsLost makes `wxbase secrets rotate` exit non-zero when a person has to look.
var errSecretsLost = errors.New("not everything could be sealed anew")

// NewSecretsCommand makes `wxbase secrets rotate`: a new key, and everything that is stored sealed with it.
func (p *Plugin) NewSecretsCommand() *cobra.Command {
	command := &cobra.Command{Use: "secrets", Short: "Changes the key that protects stored secrets"}
	command.AddCommand(&cobra.Command{
		Use:   "rotate",
		Short: "Seals all stored secrets with a new key; the server must be stopped",
		Long: `Seals all stored secrets with a new key, in one step that a kill cannot halve. The server must be stopped.

Without WXBASE_SECRET_KEY a new key file is made. With it everything is sealed with its value; the value before it is
expected in WXBASE_SECRET_KEY_OLD, or in the key file. A start of the server with the same variables does the same.`,
		Args: cobra.NoArgs, SilenceUsage: true, RunE: p.rotateSecrets,
	})
	return command
}

func (p *Plugin) rotateSecrets(command *cobra.Command, _ []string) error {
	lock, err := lockFolder(p.app.DataDir())
	if err != nil {
		return err
	}
	defer func() { _ = lock.lock.Unlock() }()
	done, err := p.accounts.Settings.Rotate()
	if err != nil {
		return err
	}
	if len(done.Unreadable) > 0 {
		return fmt.Errorf("%w: %s", errSecretsLost, done)
	}
	_, err = fmt.Fprintln(command.OutOrStdout(), done.String()+retiredHint(p.accounts.Settings))
	return err
}
