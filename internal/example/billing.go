package example

import (
	"strconv"
	"time"
)

// order is one order with its lines; amounts are in cents.
type order struct {
	id      int64
	status  string
	created time.Time
	paid    time.Time
	method  string
	cents   int64
	lines   [maxItems]line
	n       int
}

type line struct {
	product
	quantity int
}

// order makes the j-th order of holder i. It is thrown in one go, so that every table tells the
// same story about it.
func (m *maker) order(h holder, i, j int, s shape) order {
	d := m.dice(streamOrders, i*maxOrders+j)
	o := order{id: orderID(i, j), status: "paid", n: s.items[j]}
	o.created = d.between(h.created, m.o.Now.AddDate(0, 0, -2))
	for k := range o.n {
		o.lines[k] = line{product: one(d, products), quantity: 1 + d.IntN(4)}
		o.cents += o.lines[k].cents * int64(o.lines[k].quantity)
	}
	o.method = one(d, []string{"bank_transfer", "card", "balance"})
	if !s.invoiced[j] && d.percent(30) {
		o.status, o.method = one(d, []string{"open", "cancelled"}), ""
	} else {
		o.paid = o.created.Add(time.Duration(1+d.IntN(3_000)) * time.Second)
	}
	return o
}

// money writes cents as PostgreSQL's numeric reads them.
func money(cents int64) string {
	rest := cents % 100
	text := strconv.FormatInt(cents/100, 10) + "."
	if rest < 10 {
		text += "0"
	}
	return text + strconv.FormatInt(rest, 10)
}

// orderNo is the number that the customer sees.
func orderNo(id int64) string {
	digits := strconv.FormatInt(id, 10)
	return "YZ" + "0000000000"[min(len(digits), 10):] + digits
}

func (m *maker) orders(i int, emit emitter) error {
	s := m.shape(i)
	if s.orders == 0 {
		return nil
	}
	h := m.holder(i)
	for j := range s.orders {
		o := m.order(h, i, j, s)
		if err := emit(o.id, int64(firstID+i), orderNo(o.id), o.status, "CNY", money(o.cents),
			null(o.method), o.created, nullTime(o.paid)); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) orderItems(i int, emit emitter) error {
	s := m.shape(i)
	if s.orders == 0 {
		return nil
	}
	h := m.holder(i)
	for j := range s.orders {
		o := m.order(h, i, j, s)
		for k, l := range o.lines[:o.n] {
			if err := emit(o.id, int64(k+1), l.sku, l.text, int64(l.quantity), money(l.cents)); err != nil {
				return err
			}
		}
	}
	return nil
}

// invoices are for paid orders: on a company with its tax number and bank, or on a person's name.
func (m *maker) invoices(i int, emit emitter) error {
	s := m.shape(i)
	if s.orders == 0 {
		return nil
	}
	h := m.holder(i)
	title, address := h.name, ""
	if h.company != "" {
		title, address = h.company, h.address
	}
	for j := range s.orders {
		if !s.invoiced[j] {
			continue
		}
		o := m.order(h, i, j, s)
		if err := emit(o.id, o.id, "INV-"+orderNo(o.id), title, null(h.enterprise), null(h.bankName),
			null(h.bankAccount), null(address), money(o.cents), o.paid.AddDate(0, 0, 1)); err != nil {
			return err
		}
	}
	return nil
}
