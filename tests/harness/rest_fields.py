"""What REST replies are made of: our own tables of the venue's published fields.

A table is a JSON value with types in place of values: ``str``, ``int``, ``bool``; a list holds
the table of its rows; :data:`MAP` is an object whose keys are data.
"""

from __future__ import annotations

from typing import Any

MAP = dict
NULL = type(None)


def texts(names: str, **others: Any) -> dict[str, Any]:
    """An object with these text fields and others."""
    return {**dict.fromkeys(names.split(), str), **others}


def listed(row: Any, **others: Any) -> dict[str, Any]:
    """A list of such rows."""
    return {"list": [row], **others}


def paged(row: Any) -> dict[str, Any]:
    """A page of such rows."""
    return listed(row, category=str, nextPageCursor=str)


NUMBERED = dict.fromkeys(("ts", "u", "seq", "cts"), int)
ORDER = texts(
    """orderId orderLinkId parentOrderLinkId blockTradeId symbol price qty side isLeverage
    orderStatus createType cancelType rejectReason avgPrice leavesQty leavesValue cumExecQty
    cumExecValue cumExecFee timeInForce orderType stopOrderType ocoTriggerBy orderIv marketUnit
    slippageToleranceType slippageTolerance triggerPrice triggerBy takeProfit stopLoss tpslMode
    tpLimitPrice slLimitPrice tpTriggerBy slTriggerBy lastPriceOnCreated placeType smpType
    smpOrderId createdTime updatedTime rpiMatchedQty""",
    positionIdx=int,
    triggerDirection=int,
    smpGroup=int,
    reduceOnly=bool,
    closeOnTrigger=bool,
    rpiTakerAccess=bool,
    cumFeeDetail=MAP,
)
SPOT_ORDER = {k: v for k, v in ORDER.items() if k not in ("createType", "tpslMode")} | {
    "basePrice": str
}
FILL = texts(
    """symbol orderId orderLinkId side orderPrice orderQty leavesQty createType orderType
    stopOrderType execFee execFeeV2 execId execPrice execQty execType execValue execTime
    feeCurrency feeRate tradeIv markIv markPrice indexPrice underlyingPrice blockTradeId
    closedSize extraFees""",
    seq=int,
    isMaker=bool,
)
POSITION = texts(
    """riskLimitValue symbol side size avgPrice positionValue positionStatus leverage
    breakEvenPrice positionBalance markPrice liqPrice bustPrice positionIM positionIMByMp
    positionMM positionMMByMp tpslMode takeProfit stopLoss trailingStop sessionAvgPrice delta
    gamma vega theta unrealisedPnl curRealisedPnl cumRealisedPnl mmrSysUpdatedTime
    leverageSysUpdatedTime createdTime updatedTime""",
    **dict.fromkeys(
        ("positionIdx", "riskId", "tradeMode", "autoAddMargin", "adlRankIndicator", "seq"), int
    ),
    openTime=int,
    isReduceOnly=bool,
)
_RISK = texts("priceLimitRatioX priceLimitRatioY")
FUTURE = texts(
    """symbol contractType status baseCoin quoteCoin launchTime deliveryTime deliveryFeeRate
    priceScale settleCoin copyTrading upperFundingRate lowerFundingRate displayName symbolType""",
    symbolId=int,
    fundingInterval=int,
    unifiedMarginTrade=bool,
    isPreListing=bool,
    preListingInfo=NULL,
    leverageFilter=texts("minLeverage maxLeverage leverageStep"),
    priceFilter=texts("minPrice maxPrice tickSize"),
    lotSizeFilter=texts(
        "maxOrderQty minOrderQty qtyStep postOnlyMaxOrderQty maxMktOrderQty minNotionalValue"
    ),
    riskParameters=_RISK,
)
OPTION = texts(
    """symbol optionsType status baseCoin quoteCoin settleCoin launchTime deliveryTime
    deliveryFeeRate displayName""",
    symbolId=int,
    priceFilter=texts("minPrice maxPrice tickSize"),
    lotSizeFilter=texts("maxOrderQty minOrderQty qtyStep"),
)
PAIR = texts(
    """symbol baseCoin quoteCoin innovation symbolType xstockMultiplier status marginTrading
    stTag""",
    symbolId=int,
    lotSizeFilter=texts(
        """basePrecision quotePrecision minOrderQty maxOrderQty minOrderAmt maxOrderAmt
        maxLimitOrderQty maxMarketOrderQty postOnlyMaxLimitOrderSize"""
    ),
    priceFilter=texts("tickSize"),
    riskParameters=_RISK,
)
RPI = {"isPublicRpi": bool, "myRpiPermission": bool}
BOOK = {"s": str, "b": [[str]], "a": [[str]], **NUMBERED}
SPOT_TICKER = texts(
    """symbol bid1Price bid1Size ask1Price ask1Size lastPrice prevPrice24h price24hPcnt
    highPrice24h lowPrice24h turnover24h volume24h usdIndexPrice"""
)
INVERSE_TICKER = texts(
    """symbol lastPrice indexPrice markPrice prevPrice24h price24hPcnt highPrice24h lowPrice24h
    prevPrice1h openInterest openInterestValue turnover24h volume24h fundingRate nextFundingTime
    fundingIntervalHour fundingCap predictedDeliveryPrice basisRate basisRateYear basis
    deliveryFeeRate deliveryTime bid1Price bid1Size ask1Price ask1Size preOpenPrice preQty
    curPreListingPhase"""
)
LINEAR_TICKER = INVERSE_TICKER | texts("singleOpenInterest singleOpenInterestValue")
OPTION_TICKER = texts(
    """symbol bid1Price bid1Size bid1Iv ask1Price ask1Size ask1Iv lastPrice highPrice24h
    lowPrice24h markPrice indexPrice markIv underlyingPrice openInterest turnover24h volume24h
    totalVolume totalTurnover delta gamma vega theta predictedDeliveryPrice change24h"""
)
TRADE = texts("execId symbol price size side time seq", isBlockTrade=bool, isRPITrade=bool)
OPTION_TRADE = TRADE | texts("mP iP mIv iv")
WALLET = texts(
    """accountType accountLTV accountIMRate accountIMRateByMp accountMMRate accountMMRateByMp
    totalEquity totalWalletBalance totalMarginBalance totalAvailableBalance totalPerpUPL
    totalInitialMargin totalInitialMarginByMp totalMaintenanceMargin totalMaintenanceMarginByMp""",
    coin=[
        texts(
            """coin equity usdValue walletBalance free locked spotHedgingQty borrowAmount
            spotBorrow availableToBorrow availableToWithdraw accruedInterest totalOrderIM
            totalPositionIM totalPositionMM unrealisedPnl cumRealisedPnl bonus""",
            collateralSwitch=bool,
            marginCollateral=bool,
        )
    ],
)
ACCOUNT = texts(
    "marginMode updatedTime dcpStatus spotHedgingStatus",
    unifiedMarginStatus=int,
    timeWindow=int,
    smpGroup=int,
    isMasterTrader=bool,
)
SETTINGS = dict.fromkeys(("lpaSpot", "lpaPerp", "smsef", "fmsef"), bool)
KEY = texts(
    """id note apiKey secret expiredAt createdAt userIDInt64 inviterIDInt64 affiliateIDInt64
    vipLevel mktMakerLevel rsaPublicKey parentUid kycLevel kycRegion""",
    **dict.fromkeys(
        ["readOnly", "type", "deadlineDay", "unified", "uta", "userID", "inviterID", "affiliateID"],
        int,
    ),
    permissions=MAP,
    ips=[str],
    isMaster=bool,
)
IDS = texts("orderId orderLinkId")
ITEM = texts("category symbol orderId orderLinkId")
CREATED_ITEM = ITEM | texts("createAt")
ITEM_CODES = {"list": [{"code": int, "msg": str}]}
PRE_CHECK = IDS | dict.fromkeys(("preImrE4", "preMmrE4", "postImrE4", "postMmrE4"), int)
LEVERAGE = texts("symbol leverage side", positionIdx=int)
RATE = texts("uids bizType", rate=int)
SET_RATE = RATE | {"success": bool, "msg": str}
CAP = texts("insCap uidCap totalRate bizType")
DCP = texts("product dcpStatus timeWindow")
REASON = texts("reasonCode reasonMsg")
NOTICE = texts(
    "id title state begin end href",
    serviceTypes=[int],
    product=[int],
    uidSuffix=[int],
    maintainType=int,
    env=int,
)
CANDLE = [str]
