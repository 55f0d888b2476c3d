import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "consistent-return": "error",
      "default-param-last": "error",
      eqeqeq: "error",
      "max-lines": ["error", 350],
      "max-lines-per-function": ["error", 60],
      "no-implicit-coercion": ["error", { boolean: false }],
      "no-shadow": "error",
      "no-useless-return": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
  { files: ["**/tests/**"], languageOptions: { globals: globals.node } },
];
