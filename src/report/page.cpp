#include "report/page.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <fmt/core.h>

#include "report/terminal.h"

namespace vitro {
namespace {

// Colours are named by what they are for and stated twice: for paper and bright screens, and for dark ones. The eight
// of the series are Okabe and Ito's, told apart with any kind of colour vision; yellow and black, which one of the two
// backgrounds swallows, are replaced.
constexpr std::string_view style = R"css(
:root{color-scheme:light dark;
--paper:#fdfdfb;--ink:#1c2126;--muted:#5a636d;--rule:#d8dce0;--panel:#f3f4f1;--link:#0a5c8f;
--good:#12704f;--bad:#a8430b;--hit:0 114 178;--miss:213 94 0;
--s0:#0072b2;--s1:#d55e00;--s2:#00805d;--s3:#b0508a;--s4:#2f7fb8;--s5:#a97400;--s6:#6a6f2b;--s7:#555b61}
@media screen and (prefers-color-scheme:dark){:root{
--paper:#14171a;--ink:#e4e7ea;--muted:#9ba5ae;--rule:#363c42;--panel:#1d2125;--link:#7cc0ec;
--good:#5cc79e;--bad:#f39a5e;--hit:28 108 172;--miss:186 84 20;
--s0:#58aee6;--s1:#f08a3c;--s2:#3fc49c;--s3:#e08fbd;--s4:#8ccdf5;--s5:#e5b04a;--s6:#c3ca6a;--s7:#b4bbc2}
.signed img{filter:brightness(1.4)}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:66rem;padding:clamp(1.25rem,4vw,3rem) clamp(1rem,4vw,2.5rem);background:var(--paper);
color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",Arial,sans-serif;
overflow-wrap:anywhere}
h1{font-size:clamp(1.45rem,1.1rem + 1.7vw,2.15rem);line-height:1.22;letter-spacing:-.012em;font-weight:650;
margin:.35rem 0 .8rem;max-width:46rem;text-wrap:balance}
h2{font-size:1.3rem;line-height:1.3;letter-spacing:-.005em;font-weight:650;margin:0 0 .75rem}
h3{font-size:1rem;font-weight:650;margin:1.75rem 0 .5rem}
p{margin:.5rem 0;max-width:46rem}
a{color:var(--link);text-underline-offset:.18em;text-decoration-thickness:.06em}
a:focus-visible,.scroll:focus-visible{outline:.14rem solid var(--link);outline-offset:.14rem}
header{margin-bottom:2rem}
section{border-top:1px solid var(--rule);padding-top:1.6rem;margin-top:2.6rem}
nav ul{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;list-style:none;margin:1.3rem 0 0;padding:0;font-size:.92rem}
.kicker{color:var(--muted);font-size:.92rem;margin:0}
.note,figcaption,footer,.muted{color:var(--muted);font-size:.9rem}
figcaption b,caption{color:var(--ink);font-weight:600}
.warning{border-left:.25rem solid var(--bad);background:var(--panel);padding:.75rem 1rem;margin:1rem 0;max-width:46rem}
.warning p{margin:.3rem 0}
.good{color:var(--good);fill:var(--good)}
.bad{color:var(--bad);fill:var(--bad)}
code,pre,.mono{font-family:ui-monospace,"SF Mono","Cascadia Mono",Menlo,Consolas,"Liberation Mono",monospace;
font-size:.86em}
pre{margin:0;line-height:1.5;white-space:pre;overflow-wrap:normal}
.scroll{overflow-x:auto;max-width:100%;margin:.75rem 0}
.coloured{white-space:pre-wrap;line-height:1.75}
.coloured .up{background:rgb(var(--hit)/var(--a))}
.coloured .down{background:rgb(var(--miss)/var(--a))}
.scroll.code{background:var(--panel);border-radius:.4rem;padding:.75rem 1rem}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums;overflow-wrap:normal}
caption{text-align:left;padding-bottom:.4rem}
th{font-weight:600;text-align:left;color:var(--muted);white-space:nowrap}
th,td{padding:.26rem .8rem .26rem 0;border-bottom:1px solid var(--rule);vertical-align:top}
td{max-width:24rem}
.right{text-align:right;white-space:nowrap}
table.cross{font-size:.84rem}
table.cross th,table.cross td{padding:.3rem .3rem;text-align:right;border:1px solid var(--paper);min-width:2.5rem}
table.cross th{max-width:8rem;overflow:hidden;text-overflow:ellipsis;color:var(--ink)}
table.cross tbody th{text-align:right}
table.cross th.tall{writing-mode:vertical-rl;transform:rotate(180deg);text-align:left;max-width:none;max-height:8rem}
.tie{white-space:nowrap}
table.cross td.hit{background:rgb(var(--hit)/var(--a));font-weight:600}
table.cross td.miss{background:rgb(var(--miss)/var(--a))}
table.cross td.deep{color:#fff}
table.cross td.none{color:var(--muted)}
dl{display:grid;grid-template-columns:minmax(5.5rem,max-content) 1fr;gap:.3rem 1.2rem;margin:.75rem 0;font-size:.95rem}
dt{color:var(--muted)}
dd{margin:0;min-width:0}
figure{margin:0 0 1rem;break-inside:avoid}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:1.25rem 2.2rem;
align-items:start;margin:.75rem 0}
.beside{display:flex;flex-wrap:wrap;gap:0 2.4rem;align-items:flex-start}
.chart{max-width:33rem}
.chart svg{display:block;width:100%;height:auto;overflow:visible}
figcaption svg{display:inline-block!important;width:28px!important;height:12px!important;vertical-align:-.06em;
margin-right:.35rem}
.key{display:inline-block;margin:0 .9rem 0 0}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(6.5rem,1fr));gap:1.2rem .8rem;margin:.9rem 0;
padding:0;list-style:none}
.cards li{break-inside:avoid;font-size:.88rem;line-height:1.4}
.cards img{margin-bottom:.4rem}
.strip{display:grid;grid-template-columns:minmax(1.2rem,max-content) minmax(0,1fr);gap:.35rem .8rem;align-items:center;
margin:.75rem 0;font-size:.92rem}
.strip>:nth-child(odd){max-width:9rem;text-align:right}
.row{display:flex;gap:.8rem;align-items:center}
img.pixels{image-rendering:pixelated;max-width:100%;height:auto;display:block;border-radius:.15rem}
.signed{background:var(--panel);padding:.5rem;border-radius:.4rem;display:inline-block;max-width:100%}
.scale{display:flex;align-items:center;gap:.6rem;font-size:.88rem;color:var(--muted);margin:.5rem 0;
font-variant-numeric:tabular-nums}
.bar{display:inline-block;height:.62em;border-radius:.12em;background:var(--s0);margin-right:.45em;min-width:1px}
.walk{list-style:none;margin:1rem 0;padding:0;border-left:2px solid var(--rule)}
.walk>li{padding:0 0 1.1rem 1.15rem;position:relative;break-inside:avoid}
.walk>li::before{content:"";position:absolute;left:-.37rem;top:.5rem;width:.6rem;height:.6rem;border-radius:50%;
background:var(--s0);box-shadow:0 0 0 .2rem var(--paper)}
.walk h3{margin:0 0 .15rem}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",Arial,sans-serif;
font-variant-numeric:tabular-nums;fill:var(--ink)}
svg .tick,svg .name{fill:var(--muted)}
svg .name{font-size:11.5px}
svg .strong{fill:var(--ink);font-weight:600}
svg .tick.good{fill:var(--good)}
svg .tick.bad{fill:var(--bad)}
.grid{stroke:var(--rule);stroke-width:.7}
.axis{stroke:var(--muted);stroke-width:1}
.level{stroke:var(--muted);stroke-width:1.1;stroke-dasharray:1.5 3}
.mark{stroke:var(--ink);stroke-width:1.1;stroke-dasharray:4 3;fill:none}
.expected{stroke:var(--ink);stroke-width:2}
.band{fill:var(--muted);fill-opacity:.2}
.curve{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.point{stroke:var(--paper);stroke-width:.5;fill-opacity:.85}
.dot{stroke:var(--paper);stroke-width:.8}
.edge{stroke:var(--muted);stroke-opacity:.38;stroke-width:.6;fill:none}
.skip{stroke:var(--s1);stroke-width:1.3;fill:none}
.unit{fill:var(--paper);stroke:var(--s0);stroke-width:1.6}
.s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}
.s4{--c:var(--s4)}.s5{--c:var(--s5)}.s6{--c:var(--s6)}.s7{--c:var(--s7)}
.curve{stroke:var(--c)}
.fill,.point,.dot{fill:var(--c)}
.curve.s1{stroke-dasharray:6 4}.curve.s2{stroke-dasharray:2 4}.curve.s3{stroke-dasharray:9 3 2 3}
.curve.s4{stroke-dasharray:12 4}.curve.s5{stroke-dasharray:4 2 1 2}.curve.s6{stroke-dasharray:1 3}
footer{border-top:1px solid var(--rule);margin-top:2.6rem;padding-top:1rem}
@media (max-width:30rem){dl{grid-template-columns:6.4rem 1fr}
table.cross{font-size:.74rem}table.cross th,table.cross td{padding:.28rem .18rem;min-width:1.7rem}}
@media print{@page{margin:15mm}
body{max-width:none;padding:0;font-size:10pt}nav{display:none}
h2,h3,figcaption{break-after:avoid}tr,.cards li{break-inside:avoid}thead{display:table-header-group}
.scroll{overflow:visible;break-inside:avoid}.scroll.code{break-inside:auto}pre{white-space:pre-wrap;overflow-wrap:anywhere}
table{font-size:8.5pt}table.cross{font-size:7.5pt}table.cross th,table.cross td{padding:.2rem .3rem;min-width:0}
.pair{grid-template-columns:1fr 1fr}.cards{grid-template-columns:repeat(6,1fr)}
img.grey{filter:invert(1)}.bar,table.cross td,.signed,.coloured span,.walk>li::before{print-color-adjust:exact;
-webkit-print-color-adjust:exact}a{color:inherit;text-decoration:none}}
)css";

bool right_aligned(const std::string& heading) { return heading.starts_with('>'); }

std::string without_sign(const std::string& heading) {
  return right_aligned(heading) ? heading.substr(std::min(heading.find_first_not_of("> "), heading.size())) : heading;
}

// A wide thing in a box of its own, which the keyboard can scroll.
Markup scrolling(const char* kind, const std::string& label, const Markup& content) {
  return element("div", {{"class", kind}, {"tabindex", "0"}, {"role", "group"}, {"aria-label", label}}, content);
}

} // namespace

std::string html(const Page& page) {
  Markup head =
      together(element("meta", {{"charset", "utf-8"}}),
               element("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}}),
               element("meta", {{"name", "color-scheme"}, {"content", "light dark"}}),
               // Nothing may be loaded, whatever the page holds: only its own style and pictures.
               element("meta", {{"http-equiv", "Content-Security-Policy"},
                                {"content", "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}}));
  if (page.refresh_s > 0)
    head.add(element("meta", {{"http-equiv", "refresh"}, {"content", std::to_string(page.refresh_s)}}));
  head.add(element("title", {}, page.title)).add(element("style", {}, Markup::literal(style)));

  Markup links, body;
  for (const PageSection& section : page.sections) {
    links.add(element("li", {}, element("a", {{"href", "#" + section.id}}, section.heading)));
    body.add(element("section", {{"id", section.id}, {"aria-labelledby", section.id + "-heading"}},
                     element("h2", {{"id", section.id + "-heading"}}, section.heading), section.content));
  }
  const Markup nav =
      page.sections.size() < 2 ? Markup() : element("nav", {{"aria-label", "On this page"}}, element("ul", {}, links));
  const Markup header = element("header", {}, element("p", {{"class", "kicker"}}, page.kicker),
                                element("h1", {}, page.headline), page.lead, nav);
  const Markup footer = page.footer.empty() ? Markup() : element("footer", {}, page.footer);
  return "<!DOCTYPE html>\n" +
         element("html", {{"lang", "en"}}, element("head", {}, head),
                 element("body", {}, header, element("main", {}, body), footer))
             .str() +
         "\n";
}

Markup table_element(const std::vector<std::string>& headings, const std::vector<std::vector<Markup>>& rows,
                     const std::string& caption) {
  Markup head, body;
  for (const std::string& heading : headings) {
    Attributes attributes = {{"scope", "col"}};
    if (right_aligned(heading)) attributes.emplace_back("class", "right");
    head.add(element_of("th", attributes, without_sign(heading)));
  }
  for (const std::vector<Markup>& row : rows) {
    if (row.size() > headings.size())
      throw std::logic_error(fmt::format("table_element: {} cells under {} headings", row.size(), headings.size()));
    Markup cells;
    for (size_t c = 0; c < headings.size(); ++c) {
      const Attributes attributes = right_aligned(headings[c]) ? Attributes{{"class", "right"}} : Attributes{};
      cells.add(element_of("td", attributes, c < row.size() ? row[c] : Markup()));
    }
    body.add(element("tr", {}, cells));
  }
  return scrolling("scroll", caption.empty() ? "table" : caption,
                   element("table", {}, caption.empty() ? Markup() : element("caption", {}, caption),
                           element("thead", {}, element("tr", {}, head)), element("tbody", {}, body)));
}

Markup facts_element(const std::vector<std::pair<std::string, Markup>>& facts) {
  Markup out;
  for (const auto& [name, value] : facts) out.add(element("dt", {}, name)).add(element("dd", {}, value));
  return element("dl", {}, out);
}

Markup cross_table_element(const CrossTable& table) {
  const size_t columns = table.columns.size();
  if (table.counts.size() != table.rows.size() * columns)
    throw std::logic_error(
        fmt::format("cross_table_element: {} counts for {} x {}", table.counts.size(), table.rows.size(), columns));
  // Long names of columns stand upright.
  const bool tall = std::any_of(table.columns.begin(), table.columns.end(),
                                [](const std::string& name) { return vitro::columns(name) > 4; });
  const auto heading = [](const Attributes& attributes, const std::string& name) {
    Attributes all = attributes;
    all.emplace_back("title", name);
    return element("th", all, cut(name, 16));
  };
  Markup head = element("td", {}), body;
  for (const std::string& name : table.columns)
    head.add(heading(tall ? Attributes{{"scope", "col"}, {"class", "tall"}} : Attributes{{"scope", "col"}}, name));
  const bool square = table.rows == table.columns;
  for (size_t i = 0; i < table.rows.size(); ++i) {
    double sum = 0;
    for (size_t j = 0; j < columns; ++j) sum += double(table.counts[i * columns + j]);
    Markup cells = heading({{"scope", "row"}}, table.rows[i]);
    for (size_t j = 0; j < columns; ++j) {
      const int64_t count = table.counts[i * columns + j];
      const bool hit = square && i == j;
      if (count == 0) {
        cells.add(element("td", {{"class", "none"}}, hit ? "0" : "·"));
        continue;
      }
      // A root: a few mistakes among thousands are to be seen, too.
      const double share = double(count) / sum, shade = hit ? 0.15 + 0.85 * share : 0.12 + 0.88 * std::sqrt(share);
      cells.add(element("td",
                        {{"class", std::string(hit ? "hit" : "miss") + (shade > 0.72 ? " deep" : "")},
                         {"style", "--a:" + coordinate(shade)}},
                        thousands(count)));
    }
    body.add(element("tr", {}, cells));
  }
  return scrolling("scroll", table.name,
                   element("table", {{"class", "cross"}}, element("thead", {}, element("tr", {}, head)),
                           element("tbody", {}, body)));
}

Markup code_element(const std::string& text) {
  return scrolling("scroll code", "text", element("pre", {}, element("code", {}, text)));
}

} // namespace vitro
