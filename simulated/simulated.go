// Package simulated gives a program that embeds wxbase the simulated WeChat of `wxbase serve --sim`:
//
//	hooks.Config{Sim: true, WeChat: simulated.WeChat()}
//
// A program that does not import it links neither the simulator nor the simulator's libraries.
package simulated

import (
	"wxbase/internal/simulator"
	"wxbase/internal/standin"
)

// WeChat is for hooks.Config.WeChat. Nothing starts before the server does, and nothing without Config.Sim.
func WeChat() standin.Maker { return simulator.Maker{} }
