"""The papers that methods are named after, and how a text cites them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

# How each is cited, and the entry of a list of references.
REFERENCES: Mapping[str, tuple[str, str]] = MappingProxyType({
    "baujat2002": (
        "Baujat et al. 2002",
        "Baujat B, Mahé C, Pignon J-P, Hill C. A graphical method for exploring heterogeneity "
        "in meta-analyses: application to a meta-analysis of 65 trials. Statistics in "
        "Medicine 2002;21:2641–2652. doi:10.1002/sim.1221",
    ),
    "begg1994": (
        "Begg and Mazumdar 1994",
        "Begg CB, Mazumdar M. Operating characteristics of a rank correlation test for "
        "publication bias. Biometrics 1994;50:1088–1101. doi:10.2307/2533446",
    ),
    "berkey1998": (
        "Berkey et al. 1998",
        "Berkey CS, Hoaglin DC, Antczak-Bouckoms A, Mosteller F, Colditz GA. Meta-analysis of "
        "multiple outcomes by regression with random effects. Statistics in Medicine "
        "1998;17:2537–2550. "
        "doi:10.1002/(SICI)1097-0258(19981130)17:22<2537::AID-SIM953>3.0.CO;2-C",
    ),
    "bonett2008": (
        "Bonett 2008",
        "Bonett DG. Confidence intervals for standardized linear contrasts of means. "
        "Psychological Methods 2008;13:99–109. doi:10.1037/1082-989X.13.2.99",
    ),
    "boon2021": (
        "Boon and Thomson 2021",
        "Boon MH, Thomson H. The effect direction plot revisited: application of the 2019 "
        "Cochrane Handbook guidance on alternative synthesis methods. Research Synthesis "
        "Methods 2021;12:29–33. doi:10.1002/jrsm.1458",
    ),
    "campbell2020": (
        "Campbell et al. 2020",
        "Campbell M, McKenzie JE, Sowden A, et al. Synthesis without meta-analysis (SWiM) in "
        "systematic reviews: reporting guideline. BMJ 2020;368:l6890. doi:10.1136/bmj.l6890",
    ),
    "dersimonian1986": (
        "DerSimonian and Laird 1986",
        "DerSimonian R, Laird N. Meta-analysis in clinical trials. Controlled Clinical Trials "
        "1986;7:177–188. doi:10.1016/0197-2456(86)90046-2",
    ),
    "duval2000": (
        "Duval and Tweedie 2000",
        "Duval S, Tweedie R. Trim and fill: a simple funnel-plot-based method of testing and "
        "adjusting for publication bias in meta-analysis. Biometrics 2000;56:455–463. "
        "doi:10.1111/j.0006-341X.2000.00455.x",
    ),
    "egger1997": (
        "Egger et al. 1997",
        "Egger M, Davey Smith G, Schneider M, Minder C. Bias in meta-analysis detected by a "
        "simple, graphical test. BMJ 1997;315:629–634. doi:10.1136/bmj.315.7109.629",
    ),
    "follmann1999": (
        "Follmann and Proschan 1999",
        "Follmann DA, Proschan MA. Valid inference in random effects meta-analysis. "
        "Biometrics 1999;55:732–737. doi:10.1111/j.0006-341X.1999.00732.x",
    ),
    "glass1976": (
        "Glass 1976",
        "Glass GV. Primary, secondary, and meta-analysis of research. Educational Researcher "
        "1976;5(10):3–8. doi:10.3102/0013189X005010003",
    ),
    "gleser2009": (
        "Gleser and Olkin 2009",
        "Gleser LJ, Olkin I. Stochastically dependent effect sizes. In: Cooper H, Hedges LV, "
        "Valentine JC, editors. The Handbook of Research Synthesis and Meta-Analysis. 2nd ed. "
        "New York: Russell Sage Foundation; 2009. p. 357–376",
    ),
    "hartung2001": (
        "Hartung and Knapp 2001",
        "Hartung J, Knapp G. On tests of the overall treatment effect in meta-analysis with "
        "normally distributed responses. Statistics in Medicine 2001;20:1771–1782. "
        "doi:10.1002/sim.791",
    ),
    "hedges1981": (
        "Hedges 1981",
        "Hedges LV. Distribution theory for Glass's estimator of effect size and related "
        "estimators. Journal of Educational Statistics 1981;6:107–128. "
        "doi:10.3102/10769986006002107",
    ),
    "hedges1999": (
        "Hedges et al. 1999",
        "Hedges LV, Gurevitch J, Curtis PS. The meta-analysis of response ratios in "
        "experimental ecology. Ecology 1999;80:1150–1156. "
        "doi:10.1890/0012-9658(1999)080[1150:TMAORR]2.0.CO;2",
    ),
    "higgins2002": (
        "Higgins and Thompson 2002",
        "Higgins JPT, Thompson SG. Quantifying heterogeneity in a meta-analysis. Statistics "
        "in Medicine 2002;21:1539–1558. doi:10.1002/sim.1186",
    ),
    "higgins2004": (
        "Higgins and Thompson 2004",
        "Higgins JPT, Thompson SG. Controlling the risk of spurious findings from "
        "meta-regression. Statistics in Medicine 2004;23:1663–1682. doi:10.1002/sim.1752",
    ),
    "higgins2009": (
        "Higgins et al. 2009",
        "Higgins JPT, Thompson SG, Spiegelhalter DJ. A re-evaluation of random-effects "
        "meta-analysis. Journal of the Royal Statistical Society: Series A 2009;172:137–159. "
        "doi:10.1111/j.1467-985X.2008.00552.x",
    ),
    "holm1979": (
        "Holm 1979",
        "Holm S. A simple sequentially rejective multiple test procedure. Scandinavian "
        "Journal of Statistics 1979;6:65–70",
    ),
    "hooijmans2014": (
        "Hooijmans et al. 2014",
        "Hooijmans CR, Rovers MM, de Vries RBM, Leenaars M, Ritskes-Hoitinga M, Langendam MW. "
        "SYRCLE's risk of bias tool for animal studies. BMC Medical Research Methodology "
        "2014;14:43. doi:10.1186/1471-2288-14-43",
    ),
    "ioannidis2007": (
        "Ioannidis and Trikalinos 2007",
        "Ioannidis JPA, Trikalinos TA. An exploratory test for an excess of significant "
        "findings. Clinical Trials 2007;4:245–253. doi:10.1177/1740774507079441",
    ),
    "jackson2011": (
        "Jackson et al. 2011",
        "Jackson D, Riley R, White IR. Multivariate meta-analysis: potential and promise. "
        "Statistics in Medicine 2011;30:2481–2498. doi:10.1002/sim.4172",
    ),
    "joshi2022": (
        "Joshi et al. 2022",
        "Joshi M, Pustejovsky JE, Beretvas SN. Cluster wild bootstrapping to handle dependent "
        "effect sizes in meta-analysis with a small number of studies. Research Synthesis "
        "Methods 2022;13:457–477. doi:10.1002/jrsm.1554",
    ),
    "knapp2003": (
        "Knapp and Hartung 2003",
        "Knapp G, Hartung J. Improved tests for a random effects meta-regression with a "
        "single covariate. Statistics in Medicine 2003;22:2693–2710. doi:10.1002/sim.1482",
    ),
    "konstantopoulos2011": (
        "Konstantopoulos 2011",
        "Konstantopoulos S. Fixed effects and variance components estimation in three-level "
        "meta-analysis. Research Synthesis Methods 2011;2:61–76. doi:10.1002/jrsm.35",
    ),
    "lajeunesse2011": (
        "Lajeunesse 2011",
        "Lajeunesse MJ. On the meta-analysis of response ratios for studies with correlated "
        "and multi-group designs. Ecology 2011;92:2049–2055. doi:10.1890/11-0423.1",
    ),
    "lajeunesse2015": (
        "Lajeunesse 2015",
        "Lajeunesse MJ. Bias and correction for the log response ratio in ecological "
        "meta-analysis. Ecology 2015;96:2056–2063. doi:10.1890/14-2402.1",
    ),
    "lau1992": (
        "Lau et al. 1992",
        "Lau J, Antman EM, Jimenez-Silva J, Kupelnick B, Mosteller F, Chalmers TC. Cumulative "
        "meta-analysis of therapeutic trials for myocardial infarction. New England Journal "
        "of Medicine 1992;327:248–254. doi:10.1056/NEJM199207233270406",
    ),
    "macleod2004": (
        "Macleod et al. 2004",
        "Macleod MR, O'Collins T, Howells DW, Donnan GA. Pooling of animal experimental data "
        "reveals influence of study design and publication bias. Stroke 2004;35:1203–1208",
    ),
    "nakagawa2015": (
        "Nakagawa et al. 2015",
        "Nakagawa S, Poulin R, Mengersen K, et al. Meta-analysis of variation: ecological and "
        "evolutionary applications and beyond. Methods in Ecology and Evolution "
        "2015;6:143–152. doi:10.1111/2041-210X.12309",
    ),
    "olkin2012": (
        "Olkin et al. 2012",
        "Olkin I, Dahabreh IJ, Trikalinos TA. GOSH – a graphical display of study "
        "heterogeneity. Research Synthesis Methods 2012;3:214–223. doi:10.1002/jrsm.1053",
    ),
    "orwin1983": (
        "Orwin 1983",
        "Orwin RG. A fail-safe N for effect size in meta-analysis. Journal of Educational "
        "Statistics 1983;8:157–159. doi:10.2307/1164923",
    ),
    "paule1982": (
        "Paule and Mandel 1982",
        "Paule RC, Mandel J. Consensus values and weighting factors. Journal of Research of "
        "the National Bureau of Standards 1982;87:377–385. doi:10.6028/jres.087.022",
    ),
    "percie2020": (
        "Percie du Sert et al. 2020",
        "Percie du Sert N, Hurst V, Ahluwalia A, et al. The ARRIVE guidelines 2.0: updated "
        "guidelines for reporting animal research. PLoS Biology 2020;18:e3000410. "
        "doi:10.1371/journal.pbio.3000410",
    ),
    "pustejovsky2018": (
        "Pustejovsky and Tipton 2018",
        "Pustejovsky JE, Tipton E. Small-sample methods for cluster-robust variance "
        "estimation and hypothesis testing in fixed effects models. Journal of Business & "
        "Economic Statistics 2018;36:672–683. doi:10.1080/07350015.2016.1247004",
    ),
    "pustejovsky2019": (
        "Pustejovsky and Rodgers 2019",
        "Pustejovsky JE, Rodgers MA. Testing for funnel plot asymmetry of standardized mean "
        "differences. Research Synthesis Methods 2019;10:57–71. doi:10.1002/jrsm.1332",
    ),
    "pustejovsky2022": (
        "Pustejovsky and Tipton 2022",
        "Pustejovsky JE, Tipton E. Meta-analysis with robust variance estimation: expanding "
        "the range of working models. Prevention Science 2022;23:425–438. "
        "doi:10.1007/s11121-021-01246-3",
    ),
    "rosenthal1979": (
        "Rosenthal 1979",
        "Rosenthal R. The file drawer problem and tolerance for null results. Psychological "
        "Bulletin 1979;86:638–641. doi:10.1037/0033-2909.86.3.638",
    ),
    "rover2015": (
        "Röver et al. 2015",
        "Röver C, Knapp G, Friede T. Hartung-Knapp-Sidik-Jonkman approach and its "
        "modification for random-effects meta-analysis with few studies. BMC Medical Research "
        "Methodology 2015;15:99. doi:10.1186/s12874-015-0091-1",
    ),
    "rucker2011": (
        "Rücker et al. 2011",
        "Rücker G, Schwarzer G, Carpenter JR, Binder H, Schumacher M. Treatment-effect "
        "estimates adjusted for small-study effects via a limit meta-analysis. Biostatistics "
        "2011;12:122–142. doi:10.1093/biostatistics/kxq046",
    ),
    "senior2020": (
        "Senior et al. 2020",
        "Senior AM, Viechtbauer W, Nakagawa S. Revisiting and expanding the meta-analysis of "
        "variation: the log coefficient of variation ratio. Research Synthesis Methods "
        "2020;11:553–567. doi:10.1002/jrsm.1423",
    ),
    "sidik2005": (
        "Sidik and Jonkman 2005",
        "Sidik K, Jonkman JN. Simple heterogeneity variance estimation for meta-analysis. "
        "Journal of the Royal Statistical Society: Series C 2005;54:367–384. "
        "doi:10.1111/j.1467-9876.2005.00489.x",
    ),
    "simonsohn2020": (
        "Simonsohn et al. 2020",
        "Simonsohn U, Simmons JP, Nelson LD. Specification curve analysis. Nature Human "
        "Behaviour 2020;4:1208–1214. doi:10.1038/s41562-020-0912-z",
    ),
    "stanley2014": (
        "Stanley and Doucouliagos 2014",
        "Stanley TD, Doucouliagos H. Meta-regression approximations to reduce publication "
        "selection bias. Research Synthesis Methods 2014;5:60–78. doi:10.1002/jrsm.1095",
    ),
    "tipton2015": (
        "Tipton 2015",
        "Tipton E. Small sample adjustments for robust variance estimation with "
        "meta-regression. Psychological Methods 2015;20:375–393. doi:10.1037/met0000011",
    ),
    "tiptonpustejovsky2015": (
        "Tipton and Pustejovsky 2015",
        "Tipton E, Pustejovsky JE. Small-sample adjustments for tests of moderators and model "
        "fit using robust variance estimation in meta-regression. Journal of Educational and "
        "Behavioral Statistics 2015;40:604–634. doi:10.3102/1076998615606099",
    ),
    "vandennoortgate2013": (
        "Van den Noortgate et al. 2013",
        "Van den Noortgate W, López-López JA, Marín-Martínez F, Sánchez-Meca J. Three-level "
        "meta-analysis of dependent effect sizes. Behavior Research Methods 2013;45:576–594. "
        "doi:10.3758/s13428-012-0261-6",
    ),
    "vesterinen2014": (
        "Vesterinen et al. 2014",
        "Vesterinen HM, Sena ES, Egan KJ, et al. Meta-analysis of data from animal studies: a "
        "practical guide. Journal of Neuroscience Methods 2014;221:92–102. "
        "doi:10.1016/j.jneumeth.2013.09.010",
    ),
    "vevea1995": (
        "Vevea and Hedges 1995",
        "Vevea JL, Hedges LV. A general linear model for estimating effect size in the "
        "presence of publication bias. Psychometrika 1995;60:419–435. doi:10.1007/BF02294384",
    ),
    "viechtbauer2005": (
        "Viechtbauer 2005",
        "Viechtbauer W. Bias and efficiency of meta-analytic variance estimators in the "
        "random-effects model. Journal of Educational and Behavioral Statistics "
        "2005;30:261–293. doi:10.3102/10769986030003261",
    ),
    "viechtbauer2007": (
        "Viechtbauer 2007",
        "Viechtbauer W. Confidence intervals for the amount of heterogeneity in "
        "meta-analysis. Statistics in Medicine 2007;26:37–52. doi:10.1002/sim.2514",
    ),
    "viechtbauer2010": (
        "Viechtbauer and Cheung 2010",
        "Viechtbauer W, Cheung MW-L. Outlier and influence diagnostics for meta-analysis. "
        "Research Synthesis Methods 2010;1:112–125. doi:10.1002/jrsm.11",
    ),
    "voracek2019": (
        "Voracek et al. 2019",
        "Voracek M, Kossmeier M, Tran US. Which data to meta-analyze, and how? A "
        "specification-curve and multiverse-analysis approach to meta-analysis. Zeitschrift "
        "für Psychologie 2019;227:64–82. doi:10.1027/2151-2604/a000357",
    ),
    "wan2014": (
        "Wan et al. 2014",
        "Wan X, Wang W, Liu J, Tong T. Estimating the sample mean and standard deviation from "
        "the sample size, median, range and/or interquartile range. BMC Medical Research "
        "Methodology 2014;14:135. doi:10.1186/1471-2288-14-135",
    ),
    "zwetsloot2017": (
        "Zwetsloot et al. 2017",
        "Zwetsloot P-P, Van Der Naald M, Sena ES, et al. Standardized mean differences cause "
        "funnel plot distortion in publication bias assessments. eLife 2017;6:e24260. "
        "doi:10.7554/eLife.24260",
    ),
})  # fmt: skip

_CITED = re.compile(r"\[((?:@\w+(?:; )?)+)\]")


def cited(text: str) -> str:
    """The text with its marks ``[@key; @key]`` as citations by author and year.

    Marks with a key that is not in `REFERENCES`, which a user's own words may hold, stay as they
    are.

    Examples
    --------
    >>> cited("Hedges' g [@hedges1981] was pooled by REML [@viechtbauer2005].")
    "Hedges' g (Hedges 1981) was pooled by REML (Viechtbauer 2005)."
    """
    return _CITED.sub(_citation, text)


def _citation(found: re.Match[str]) -> str:
    keys = _keys(found[1])
    if not all(key in REFERENCES for key in keys):
        return found[0]
    return f"({'; '.join(REFERENCES[key][0] for key in keys)})"


def entries(texts: Iterable[str]) -> tuple[str, ...]:
    """The references that marked texts cite, in alphabetical order.

    Examples
    --------
    >>> [entry[:9] for entry in entries(["REML [@viechtbauer2005].", "g [@hedges1981]."])]
    ['Hedges LV', 'Viechtbau']
    """
    keys = {key for text in texts for found in _CITED.finditer(text) for key in _keys(found[1])}
    return tuple(sorted(REFERENCES[key][1] for key in keys if key in REFERENCES))


def _keys(marks: str) -> list[str]:
    return [mark.removeprefix("@") for mark in marks.split("; ")]
