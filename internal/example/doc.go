// Package example makes the people and rows of the example company, 云栈示例云 (Yunzhan Example
// Cloud), whose schemas and data map lie in examples/cloud.
//
// It promises: the same Options give the same rows, byte for byte, on every machine; memory does
// not grow with the number of people; and nothing in it exists. Names are drawn from lists, e-mail
// addresses end in .example, IP addresses are the documentation ranges of RFC 5737 and RFC 3849,
// and ID numbers and credit codes carry a right check character behind an area code (99xxxx) that
// no authority issues. China keeps no mobile numbers back for fiction, so all of ours stand in one
// block, MobilePrefix, that number-plan tables give to no carrier and no town, and nothing here
// ever calls one.
//
// The rows are made awkward on purpose, as those of a real company are: shared mobiles, e-mails
// that differ only in case, people without e-mail, designated contacts who are customers too,
// tickets that nobody was signed in for, messages that speak of other people. Cast names the
// people on whom the demo and the tests rely; Expected says, by plain SQL of its own, which rows
// are whose. What does not belong here: anything the engine itself uses.
package example
