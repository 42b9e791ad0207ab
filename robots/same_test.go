package robots

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSameValueWrittenOtherwise(t *testing.T) {
	t.Parallel()
	german := formats{group: ".", decimal: ",", dates: []string{"02.01.2006"}}
	english := formats{group: ",", decimal: ".", dates: []string{"01/02/2006"}}
	french := formats{group: " ", decimal: ","}
	bare := formats{decimal: "."}
	for _, c := range []struct {
		put     string
		formats formats
		held    string
		as      heldAs
		same    bool
	}{
		{"1", german, "1 000,00", shown, false},
		{"1", german, "1 000,00 EUR", shown, false},
		{"1", french, "1 000,00", shown, false},
		{"12.50 EUR", german, "1250 EUR", shown, false},
		{"12.50 EUR", german, "12,50 EUR", shown, true},
		{"12.50 EUR", german, "12,50 €", shown, true},
		{"12.50 EUR", german, "12,50 USD", shown, false},
		{"5 m", german, "5 mm", shown, false},
		{"-5 kg", german, "5 kg", shown, false},
		{"-5 kg", german, "-5,0 kg", shown, true},
		{"-5", german, "5,00-", shown, true},
		{"-5", german, "\u22125,00", shown, true},
		{"1.125", german, "1.125,00", shown, false},
		{"1.125", german, "1,125", shown, true},
		{"1.125", german, "1.125", shown, true},
		{"1.125", german, "1125", sent, false},
		{"1125", german, "1.125", shown, true},
		{"1125", german, "1.125,00", shown, true},
		{"12,5", german, "12,50", shown, true},
		{"12,5", german, "125,00", shown, false},
		{"12.5", german, "12.500", shown, false},
		{"1234.5", german, "1.234,50", shown, true},
		{"1.234,50", german, "1234.50", sent, true},
		{"1,234.50", english, "1234.5", sent, true},
		{"1234.5", french, "1\u202f234,50", shown, true},
		{"3", german, "30", sent, false},
		{"3", german, "3", sent, true},
		{"12.5", german, "12.50", plainOnly, true},
		{"1.125", german, "1125", plainOnly, false},
		{"5", german, "5%", shown, true},
		{"5", german, "5 %", shown, true},
		{"5", german, "5,00 kr", shown, true},
		{"5", german, "kr 6,00", shown, false},
		{"5", german, "EUR 5,00", shown, true},
		{"5", german, "5,00 Stück", shown, true},
		{"5", german, "50 Stück", shown, false},
		{"5", bare, "5.0", shown, true},
		{"03012345678", german, "030 12345678", shown, true},
		{"03012345678", german, "(030) 1234-5678", shown, true},
		{"03012345678", german, "030 12345679", shown, false},
		{"+493012345678", german, "+49 30 12345678", shown, true},
		{"4111111111111111", german, "4111 1111 1111 1111", shown, true},
		{"4111111111111111", english, "4111-1111-1111-1111", shown, true},
		{"1430", german, "14:30", shown, true},
		{"1430", german, "14:31", shown, false},
		{"1250", english, "12.50", shown, false},
		{"1250", german, "12,50", shown, false},
		{"1250", german, "-1250", shown, false},
		{"1250", german, "1250-", shown, false},
		{"05032026", german, "05.03.2026", shown, true},
		{"050326", german, "05.03.2026", shown, true},
		{"05032026", german, "06.03.2026", shown, false},
		{"05.03.2026", german, "5.3.26", shown, true},
		{"05.03.2026", german, "2026-03-05", sent, true},
		{"2026-03-05", german, "05.03.2026", shown, true},
		{"2026-03-05", english, "03/05/2026", shown, true},
		{"05.03.2026", german, "03.05.2026", shown, false},
		{"05.03.2026", german, "Do, 05.03.2026", shown, true},
		{"a-7", german, "A7", shown, true},
		{"A-7", german, "A-7 Schraube", shown, true},
		{"A-7", german, "A-7-2", shown, false},
		{"A-7", german, "A-8", shown, false},
		{"A-7", german, "", shown, false},
		{"4711", german, "4711 Schrauben Meier", shown, true},
		{"4711", german, "Schrauben Meier (4711)", shown, true},
		{"4711", german, "Schrauben Meier (4712)", shown, false},
		{"M8x1.5", german, "M8X1,5", shown, true},
		{"M8x1.5", german, "M8x15", shown, false},
		{"12E3", german, "12-E3", shown, true},
		{"DE02120300000000202051", german, "DE02 1203 0000 0000 2020 51", shown, true},
		{"Müller", german, "Mu\u0308ller", shown, true},
		{"Müller", german, "Möller", shown, false},
		{"A-2", german, "A-2 / 3", shown, true},
		{"  A  2 ", german, "A\u00a02", shown, true},
		{"!", german, "?", shown, false},
	} {
		require.Equal(t, c.same, c.formats.same(c.put, c.held, c.as), "%q put, %q held (%d)", c.put, c.held, c.as)
	}
}
