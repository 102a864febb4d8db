package hooks

import (
	"errors"
	"fmt"

	"github.com/pocketbase/pocketbase/core"

	"wxbase/internal/books"
	"wxbase/internal/folder"
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

// errSecretsLost is what a person has to look at after a rotation.
var errSecretsLost = errors.New("not everything could be sealed anew")

// RotateSecrets seals everything that is stored sealed with a new key, and says what it has done. No server may be at work on the data
// folder: it fails with the one that holds it, and with the columns that could not be opened. It is `wxbase secrets rotate`.
func (p *Plugin) RotateSecrets() (done string, err error) {
	lock, err := folder.Take(p.app.DataDir())
	if err != nil {
		return "", err
	}
	defer lock.Release()
	rotated, err := p.accounts.Settings.Rotate()
	if err != nil {
		return "", err
	}
	if len(rotated.Unreadable) > 0 {
		return "", fmt.Errorf("%w: %s", errSecretsLost, rotated)
	}
	return rotated.String() + retiredHint(p.accounts.Settings), nil
}
