// What eslint looks for in the scripts of the pages. tsc looks for names that do not exist.

import js from "@eslint/js";

/** Modules are joined into one file, which knows two forms of imports and exports only. */
const FORMS = [
  "ExportAllDeclaration",
  "ExportDefaultDeclaration",
  "ExportNamedDeclaration[declaration=null]",
  "ExportNamedDeclaration > VariableDeclaration[kind!=const]",
  "ImportDeclaration[specifiers.length=0]",
  "ImportDefaultSpecifier",
  "ImportExpression",
  "ImportNamespaceSpecifier",
  "MetaProperty",
  "Program > ExpressionStatement > AwaitExpression",
].map((selector) => ({ selector, message: "This form cannot be joined into one file." }));

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2025, sourceType: "module" },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "arrow-body-style": "error",
      "consistent-return": "off", // tsc sees it, with types
      "eqeqeq": "error",
      "max-classes-per-file": ["error", 3],
      "max-lines": ["error", { max: 200, skipBlankLines: true }],
      "no-else-return": "error",
      "no-implicit-globals": "error",
      "no-param-reassign": ["error", { props: false }],
      "no-restricted-syntax": ["error", ...FORMS],
      "no-shadow": "error",
      "no-undef": "off", // tsc sees it
      "no-unused-vars": ["error", { varsIgnorePattern: "^_$" }],
      "no-useless-concat": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  { files: ["**/embed.js"], languageOptions: { sourceType: "script" } },
];
