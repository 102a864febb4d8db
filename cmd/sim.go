package cmd

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"wxbase/internal/simcmd"
	"wxbase/internal/standin"
)

// NewSimCommand makes `wxbase sim`: the simulated WeChat alone, for any other backend or SDK to develop against, and what drives one that
// runs. dataDir is asked when the command runs; the state lies in its subfolder sim.
func NewSimCommand(dataDir func() string) *cobra.Command {
	return simcmd.New(func() string { return filepath.Join(dataDir(), standin.Folder) }, standin.RefuseOpen)
}
