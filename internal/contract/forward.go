package contract

// FindCustomers says for which customers something is held of the person that the search has found.
var FindCustomers = Activity[RefInput, Customers]{"FindCustomers"} // core

// Customers are keys of customers of the data map; see ForwardOccasion.
type Customers struct{ Keys []string }

// ForwardOccasion is the occasion of the letter that forwards a request to a customer.
func ForwardOccasion(key string) string { return "customer-" + key }
