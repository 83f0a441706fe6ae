// Values that are written as JSON.

/** Members that are undefined are left out. */
export type Json = string | number | boolean | null | undefined | readonly Json[] | { readonly [member: string]: Json }
