package hooks

import (
	"fmt"
	"os"
	"slices"

	"github.com/pocketbase/pocketbase"
	"github.com/spf13/cobra"
)

// Execute runs the app's commands and returns the error of the one that failed. PocketBase 0.39 drops it, so that a busy port or a
// failed migration would exit 0 and look like success to systemd.
func Execute(app *pocketbase.PocketBase) error {
	return explain(execute(app), app.DataDir())
}

func execute(app *pocketbase.PocketBase) error {
	root := app.RootCmd
	root.SetErr(os.Stderr)     // PocketBase 0.40 throws away what commands write there, such as the log of an edge
	root.InitDefaultHelpFlag() // else Find takes what comes after --help for its value
	root.InitDefaultVersionFlag()
	if root.PersistentFlags().Lookup("new") == nil { // a program of an embedder's
		root.PersistentFlags().Bool("new", false, "make a data folder where there is none (superuser)")
		_ = root.ParseFlags(os.Args[1:]) // cobra parses again and reports
	}
	found, _, err := root.Find(os.Args[1:])
	if err != nil {
		return err
	}
	root.SilenceErrors, root.SilenceUsage = true, true // the caller prints one line
	if needsNoDatabase(found) {
		return root.Execute()
	}
	failed := make(chan error, 1)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		keepFirst(failed, err)
		return err
	})
	if err := guardFlags(root); err != nil {
		return err
	}
	if !found.HasSubCommands() { // a group alone shows its help
		making, _ := root.PersistentFlags().GetBool("new")
		if err := guardMissing(app.DataDir(), commandOf(found), making); err != nil {
			return err
		}
	}
	keepErrors(root, failed)
	if err := guardFolder(app, commandOf(found)); err != nil {
		return err
	}
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

// commandOf names the command below the root that a found command belongs to; help and version touch no data and have none.
func commandOf(found *cobra.Command) string {
	if slices.ContainsFunc(os.Args[1:], func(arg string) bool { return slices.Contains([]string{"-h", "--help", "-v", "--version"}, arg) }) {
		return ""
	}
	for found.HasParent() && found.Parent().HasParent() {
		found = found.Parent()
	}
	return found.Name()
}

// keepErrors wraps every command so that its error, or its panic, is not lost.
func keepErrors(c *cobra.Command, first chan<- error) {
	if c.HasParent() && c.HasSubCommands() && !c.Runnable() {
		c.RunE = refuseUnknown
	}
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = fmt.Errorf("panic: %v", r)
				}
				keepFirst(first, err)
			}()
			return run(c, args)
		}
	}
	for _, sub := range c.Commands() {
		keepErrors(sub, first)
	}
}

func keepFirst(first chan<- error, err error) {
	select {
	case first <- err:
	default:
	}
}

// refuseUnknown is what a group of commands does when none of them is named: without, it would print its help and succeed at a typo.
func refuseUnknown(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath())
	}
	return c.Help()
}

// needsNoDatabase tells the commands that work without a data folder, and the subcommands of these.
func needsNoDatabase(command *cobra.Command) bool {
	for ; command != nil; command = command.Parent() {
		if command.Name() == "sim" || command.Name() == "edge" {
			return true
		}
	}
	return false
}
