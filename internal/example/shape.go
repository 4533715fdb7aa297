package example

// The most rows of a kind that one holder may have: ids are counted in blocks of these.
const (
	maxContacts = 2
	maxOrders   = 8
	maxTickets  = 8
	maxItems    = 5
	maxMessages = 6
)

// shape is how many rows of each kind a holder has.
type shape struct {
	contacts, logins, requests, orders, tickets int

	items    [maxOrders]int  // of each order
	invoiced [maxOrders]bool // whether the order has an invoice
	messages [maxTickets]int // of each ticket
}

// shape says how many rows holder i has; it is cheap, so that everything can be counted first.
func (m *maker) shape(i int) shape {
	d := m.dice(streamShape, i)
	s := shape{}
	switch p := d.IntN(100); {
	case p < 5:
		s.contacts = 2
	case p < 35:
		s.contacts = 1
	}
	s.logins = d.IntN(m.o.LogsPerPerson/2 + 1)
	s.requests = d.IntN(2*m.o.LogsPerPerson + 1)
	s.orders = max(0, d.IntN(6)-2)
	s.tickets = max(0, d.IntN(5)-2)
	for j := range maxOrders {
		s.items[j] = 1 + d.IntN(3)
		s.invoiced[j] = d.percent(60)
	}
	for j := range maxTickets {
		s.messages[j] = 1 + d.IntN(4)
	}
	if i < len(castHolders) {
		c := castHolders[i].shape
		s.contacts, s.logins, s.requests, s.orders, s.tickets = c.contacts, c.logins, c.requests, c.orders, c.tickets
		s.invoiced = [maxOrders]bool{true, true} // the first two, so that the cast has invoices
		s.messages[0] = 3                        // enough for a message that speaks of others
	}
	return s
}

// Ids that other rows refer to follow from the holder's place.
func contactID(i, j int) int64 { return int64(i*maxContacts + j + 1) }
func orderID(i, j int) int64   { return int64(i*maxOrders + j + 1) }
func ticketID(i, j int) int64  { return int64(i*maxTickets + j + 1) }
func messageID(i, j, k int) int64 {
	return int64((i*maxTickets+j)*maxMessages + k + 1)
}
