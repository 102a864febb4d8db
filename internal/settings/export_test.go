package settings

// Variables lists the environment's names of the settings that the dashboard holds too.
func Variables() (names []string) {
	for _, c := range checkedSettings() {
		names = append(names, c.variable)
	}
	return names
}
