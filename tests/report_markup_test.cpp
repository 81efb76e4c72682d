// Markup: whatever text comes in, what goes out is well-formed and says the same.
#include "report/markup.h"

#include <cmath>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "markup_check.h"

namespace vitro {
namespace {

TEST(Escape, LeavesNoTagAndNoQuote) {
  EXPECT_EQ(escape("<script>alert('x' & \"y\")</script>"),
            "&lt;script&gt;alert(&#39;x&#39; &amp; &quot;y&quot;)&lt;/script&gt;");
  EXPECT_EQ(escape("&amp;"), "&amp;amp;"); // what it says, not what it means
  EXPECT_EQ(escape("Zürich, 東京, 🙂\n\t."), "Zürich, 東京, 🙂\n\t.");
  EXPECT_EQ(escape(""), "");
}

TEST(Escape, ReplacesWhatIsNoTextOrTurnsItAround) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(escape(std::string("a\0b\x1b[1m\x7f", 8)), "a" + bad + "b" + bad + "[1m" + bad);
  EXPECT_EQ(escape("\xc3"), bad);                               // cut off
  EXPECT_EQ(escape("\xc3(\xa9"), bad + "(" + bad);              // no continuation; a continuation alone
  EXPECT_EQ(escape("\xc0\xaf"), bad + bad);                     // overlong
  EXPECT_EQ(escape("\xed\xa0\x80"), bad + bad + bad);           // a surrogate
  EXPECT_EQ(escape("\xf4\x90\x80\x80"), bad + bad + bad + bad); // above U+10FFFF
  EXPECT_EQ(escape("gnp\u202etxt.exe"), "gnp" + bad + "txt.exe");
  EXPECT_EQ(escape("\ufffe\uffff"), bad + bad);
}

TEST(Escape, AnyBytesAtAll) {
  rc::check("an element with any text and any value is well-formed",
            [](const std::string& content, const std::string& value) {
              const Markup out = element("p", {{"title", value}}, content, element("b", {}, value));
              RC_ASSERT(fault_of(out.str()) == "");
            });
}

TEST(Markup, ElementsNest) {
  EXPECT_EQ(element("p", {{"class", "note"}, {"width", 1.5}}, "a < b", element("br", {}), element("b", {}, "c")).str(),
            "<p class=\"note\" width=\"1.5\">a &lt; b<br/><b>c</b></p>");
  EXPECT_EQ(element("td", {}).str(), "<td></td>"); // HTML knows no <td/>
  EXPECT_TRUE(Markup().empty());
  EXPECT_EQ(together("a&", Markup("<b>")).str(), "a&amp;&lt;b&gt;");
}

TEST(Markup, TheCheckCanFail) {
  for (const char* wrong : {"<p>", "<p></b>", "</p>", "a > b", "a & b", "<p class=x></p>", "<p class=\"a\"b\"></p>",
                            "<p class=\"<\"></p>", "<>", "<p"})
    EXPECT_NE(fault_of(wrong), "") << wrong;
}

TEST(Coordinate, IsShortAndAlwaysANumber) {
  EXPECT_EQ(coordinate(1), "1");
  EXPECT_EQ(coordinate(-0.001), "0");
  EXPECT_EQ(coordinate(12.345), "12.35");
  EXPECT_EQ(coordinate(1e-9), "0");
  EXPECT_EQ(coordinate(123456789), "123456789");
  EXPECT_EQ(coordinate(NAN), "0");
  EXPECT_EQ(coordinate(INFINITY), "0");
}

} // namespace
} // namespace vitro
