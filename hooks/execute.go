package hooks

import (
	"fmt"
	"os"

	"github.com/pocketbase/pocketbase"
	"github.com/spf13/cobra"
)

// Execute runs the app's commands and returns the error of the one that failed. PocketBase 0.39 drops it, so that a busy port or a
// failed migration would exit 0 and look like success to systemd.
func Execute(app *pocketbase.PocketBase) error {
	root := app.RootCmd
	found, _, err := root.Find(os.Args[1:])
	if err != nil {
		return err
	}
	root.SilenceErrors = true
	if found.Name() == "sim" {
		return root.Execute() // needs no database
	}
	failed := make(chan error, 1)
	keepErrors(root, failed)
	if err := app.Execute(); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// keepErrors wraps every command so that its error, or its panic, is not lost.
func keepErrors(c *cobra.Command, first chan<- error) {
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = fmt.Errorf("panic: %v", r)
				}
				select {
				case first <- err:
				default:
				}
			}()
			return run(c, args)
		}
	}
	for _, sub := range c.Commands() {
		keepErrors(sub, first)
	}
}
