package sim

// HMACOf is what every signature of virtual payment is made by.
var HMACOf = hmacOf
