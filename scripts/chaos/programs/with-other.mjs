/** An object with some of its members replaced; the rest works on the object itself, private fields included. */
export function withOther(object, others) {
  return new Proxy(object, {
    get(target, name) {
      if (Object.hasOwn(others, name)) return others[name];
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
