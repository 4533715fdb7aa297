package jurisdiction

import "slices"

// onlyAtRegistration forbids to ask somebody for more than was collected when they registered
// (GB/T 35273-2020 8.5).
const onlyAtRegistration = "more_than_at_registration"

// Rung is the least rung of the ladder and the number of data points that the law asks of a kind of case.
// A rule that names one of its rights goes before one for all of them; of several the strictest holds.
func (p Profile) Rung(kind string) (level, points int) {
	codes := p.codes(kind)
	if kind == eraseAfterAccess { // a copy is handed out as well
		codes = append(codes, p.codes("access")...)
	}
	general, named := Floor{}, false
	for _, f := range p.Verify.Floors {
		switch {
		case slices.Contains(f.For, all):
			general = Floor{Level: max(general.Level, f.Level), Points: max(general.Points, f.Points)}
		case meant(f.For, codes):
			named = true
			level, points = max(level, f.Level), max(points, f.Points)
		}
	}
	if !named {
		return general.Level, general.Points
	}
	return level, points
}

// OnlyHeld says whether the law forbids to ask somebody for more than was collected when they registered.
func (p Profile) OnlyHeld() bool { return slices.Contains(p.Verify.Forbidden, onlyAtRegistration) }
