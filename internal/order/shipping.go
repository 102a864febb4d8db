package order

// States of orders.shipState, in the only order they go.
const (
	ShipNone     = "NONE"
	ShipShipped  = "SHIPPED"
	ShipReceived = "RECEIVED"
)
