package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

func text(name, def string, secret bool, what string, field func(*Config) *string) Setting {
	return Setting{Name: name, Default: def, Secret: secret, Text: what,
		set: func(c *Config, v string) error { *field(c) = v; return nil },
		get: func(c *Config) string { return *field(c) },
	}
}

func number(name, def string, least, most int, what string, field func(*Config) *int) Setting {
	return Setting{Name: name, Default: def, Text: fmt.Sprintf("%s (%d to %d)", what, least, most),
		set: func(c *Config, v string) error {
			n, err := strconv.Atoi(v)
			if err != nil || n < least || n > most {
				return fmt.Errorf("%q is not a number from %d to %d", v, least, most)
			}
			*field(c) = n
			return nil
		},
		get: func(c *Config) string { return strconv.Itoa(*field(c)) },
	}
}

func duration(name, def, what string, field func(*Config) *time.Duration) Setting {
	return Setting{Name: name, Default: def, Text: what,
		set: func(c *Config, v string) (err error) { *field(c), err = Duration(v); return err },
		get: func(c *Config) string { return field(c).String() },
	}
}

func list(name, def, what string, field func(*Config) *[]string) Setting {
	return Setting{Name: name, Default: def, Text: what,
		set: func(c *Config, v string) error {
			*field(c) = strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' })
			return nil
		},
		get: func(c *Config) string { return strings.Join(*field(c), ",") },
	}
}

// networks takes addresses (203.0.113.7) and networks (203.0.113.0/24) side by side.
func networks(name, def, what string, field func(*Config) *[]netip.Prefix) Setting {
	return Setting{Name: name, Default: def, Text: what,
		set: func(c *Config, v string) error {
			var list []netip.Prefix
			for _, word := range strings.FieldsFunc(v, func(r rune) bool { return r == ',' || r == ' ' }) {
				p, err := netip.ParsePrefix(word)
				if addr, addrErr := netip.ParseAddr(word); addrErr == nil {
					p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
				}
				if err != nil {
					return fmt.Errorf("%q is neither an address nor a network", word)
				}
				list = append(list, p)
			}
			*field(c) = list
			return nil
		},
		get: func(c *Config) string {
			var words []string
			for _, p := range *field(c) {
				words = append(words, p.String())
			}
			return strings.Join(words, ",")
		},
	}
}

// onOff sets the field when the value is "off".
func onOff(name, def, what string, field func(*Config) *bool) Setting {
	return Setting{Name: name, Default: def, Text: what,
		set: func(c *Config, v string) error {
			if v != "on" && v != "off" {
				return fmt.Errorf("%q is neither on nor off", v)
			}
			*field(c) = v == "off"
			return nil
		},
		get: func(c *Config) string {
			if *field(c) {
				return "off"
			}
			return "on"
		},
	}
}
