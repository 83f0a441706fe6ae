// What streams and consumers may be called.

const BAD = /[ \t\r\n\f.*>\\/]/

export const isValidName = (name: string): boolean => name !== '' && !BAD.test(name)
