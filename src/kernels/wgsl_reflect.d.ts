// The package's main entry does not load as an ES module in Node; this one does and has the same exports.
declare module 'wgsl_reflect/wgsl_reflect.module.js' {
  export * from 'wgsl_reflect';
}
