package synth

import "math/rand/v2"

// document draws a CPF (pj false) or CNPJ with valid check digits: plain or
// punctuated, and "" for a few, as sources have them.
func document(rng *rand.Rand, pj bool) string {
	if rng.Float64() < .03 {
		return ""
	}
	punctuated := rng.Float64() < .5
	var d [14]byte
	n := 9
	if pj {
		n = 12
	}
	for i := range n {
		d[i] = byte(rng.IntN(10))
	}
	if pj {
		copy(d[8:12], []byte{0, 0, 0, 1}) // the head office
		d[12] = checkDigit(d[:12], 9)
		d[13] = checkDigit(d[:13], 9)
		return digits(d[:14], punctuated, "##.###.###/####-##")
	}
	d[9] = checkDigit(d[:9], 11)
	d[10] = checkDigit(d[:10], 11)
	return digits(d[:11], punctuated, "###.###.###-##")
}

// checkDigit is the modulus 11 digit of Receita Federal: weights 2, 3, … from
// the right, starting again at 2 after top.
func checkDigit(d []byte, top int) byte {
	sum, weight := 0, 2
	for i := len(d) - 1; i >= 0; i-- {
		sum += int(d[i]) * weight
		if weight++; weight > top {
			weight = 2
		}
	}
	if r := sum % 11; r >= 2 {
		return byte(11 - r)
	}
	return 0
}

func digits(d []byte, punctuated bool, pattern string) string {
	out := make([]byte, 0, len(pattern))
	i := 0
	for _, p := range []byte(pattern) {
		switch {
		case p == '#':
			out = append(out, '0'+d[i])
			i++
		case punctuated:
			out = append(out, p)
		}
	}
	return string(out)
}
