package folder

// GiveToOwner: on Windows what is made in a folder has the folder's rights.
func GiveToOwner(string) error { return nil }
