/**
 * Arithmetic expressions over whole numbers with + - * / and parentheses, read and evaluated exactly. A recursive descent over characters; nothing
 * is ever run as code.
 */

/** An exact fraction; the denominator is positive. */
interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

export interface Expression {
  /** The numbers as they are written, in order. */
  readonly numbers: readonly bigint[];
  /** null when it divides by zero. */
  readonly value: Rational | null;
}

const maxCharacters = 1_000;
const maxDepth = 64;
const maxDigits = 18;

/** Reads a whole text as one expression; null when it is none, or too long, deep or large. */
export function parseExpression(text: string): Expression | null {
  if (text.length > maxCharacters) return null;
  const plain = text
    .replaceAll('\u00d7', '*')
    .replaceAll('\u00f7', '/')
    .replaceAll('\u2212', '-')
    .replace(/\s+/gu, ' ');
  const parser = new Parser(plain);
  const value = parser.whole();
  return value === undefined ? null : { numbers: parser.numbers, value };
}

export function isInteger(value: Rational, integer: bigint): boolean {
  return value.numerator === integer * value.denominator;
}

/** Each rule answers a value, null for a division by zero, undefined for text that does not fit. */
type Result = Rational | null | undefined;

class Parser {
  readonly numbers: bigint[] = [];
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Result {
    const value = this.#sum();
    this.#skipBlanks();
    return this.#at === this.#text.length ? value : undefined;
  }

  #sum(): Result {
    let left = this.#product();
    for (let operator = this.#take('+-'); operator !== null && left !== undefined; operator = this.#take('+-')) {
      left = combine(left, this.#product(), operator === '+' ? add : subtract);
    }
    return left;
  }

  #product(): Result {
    let left = this.#factor();
    for (let operator = this.#take('*/'); operator !== null && left !== undefined; operator = this.#take('*/')) {
      left = combine(left, this.#factor(), operator === '*' ? multiply : divide);
    }
    return left;
  }

  #factor(): Result {
    if (this.#take('(') === null) return this.#number();
    if (++this.#depth > maxDepth) return undefined;
    const value = this.#sum();
    this.#depth--;
    return this.#take(')') === null ? undefined : value;
  }

  #number(): Result {
    this.#skipBlanks();
    const digits = /^\d+/u.exec(this.#text.slice(this.#at, this.#at + maxDigits + 1))?.[0];
    if (digits === undefined || digits.length > maxDigits) return undefined;
    this.#at += digits.length;
    const numerator = BigInt(digits);
    this.numbers.push(numerator);
    return { numerator, denominator: 1n };
  }

  #take(characters: string): string | null {
    this.#skipBlanks();
    const next = this.#text[this.#at];
    if (next === undefined || !characters.includes(next)) return null;
    this.#at++;
    return next;
  }

  #skipBlanks(): void {
    while (this.#text[this.#at] === ' ') this.#at++;
  }
}

function combine(left: Result, right: Result, operate: (a: Rational, b: Rational) => Result): Result {
  if (left === undefined || right === undefined) return undefined;
  if (left === null || right === null) return null;
  return operate(left, right);
}

function add(a: Rational, b: Rational): Rational {
  return {
    numerator: a.numerator * b.denominator + b.numerator * a.denominator,
    denominator: a.denominator * b.denominator,
  };
}

function subtract(a: Rational, b: Rational): Rational {
  return add(a, { numerator: -b.numerator, denominator: b.denominator });
}

function multiply(a: Rational, b: Rational): Rational {
  return { numerator: a.numerator * b.numerator, denominator: a.denominator * b.denominator };
}

function divide(a: Rational, b: Rational): Rational | null {
  if (b.numerator === 0n) return null;
  const sign = b.numerator < 0n ? -1n : 1n;
  return { numerator: sign * a.numerator * b.denominator, denominator: sign * a.denominator * b.numerator };
}
