package order

// States of orders.shipState, in their only order.
const (
	ShipNone     = "NONE"
	ShipShipped  = "SHIPPED"
	ShipReceived = "RECEIVED"
)
