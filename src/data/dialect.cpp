#include "data/dialect.h"

#include "core/error.h"
#include "core/text.h"

namespace vitro {

const char* name(Separator separator) {
  switch (separator) {
    case Separator::comma: return ",";
    case Separator::semicolon: return ";";
    case Separator::tab: return "tab";
    case Separator::bar: return "|";
    default: return "blanks";
  }
}

char character(Separator separator) {
  switch (separator) {
    case Separator::comma: return ',';
    case Separator::semicolon: return ';';
    case Separator::tab: return '\t';
    case Separator::bar: return '|';
    default: return ' ';
  }
}

Separator separator_of(std::string_view word) {
  for (const Separator s : {Separator::comma, Separator::semicolon, Separator::tab, Separator::bar, Separator::blanks})
    if (word == name(s)) return s;
  if (word == "\t" || word == "\\t") return Separator::tab;
  if (word == " " || word == "space" || word == "spaces") return Separator::blanks;
  bad_input("separator", text("none is called \"", word, "\""), "use one of , ; tab | blanks");
}

} // namespace vitro
