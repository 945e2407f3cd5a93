//! `/apis.json`: where the descriptions of the interfaces are, for whoever looks for them by machine.

use axum::Json;

use crate::wire::apis::{Api, ApiProperty, Apis, Maintainer};

/// Where the list is.
const PATH: &str = "/apis.json";

/// Services, as they are registered at the exchange: code, name, what it is for.
const SERVICES: [(&str, &str, &str); 5] = [
    ("letters", "信件智能分類", "信件的類別、權責單位、註記與近似信件的建議"),
    ("documents", "電子公文智能分文", "公文的主辦、會辦單位與承辦人的建議"),
    ("speech", "語音轉寫", "錄音的逐字稿,個資先遮蔽"),
    ("qa", "客戶問答", "以核定的來源逐字引用回答,查無則不答"),
    ("identity-documents", "證件影像識別", "證件影像的欄位、信心度與檢核"),
];

/// 本服務的介面一覽(APIs.json),供以程式尋找描述檔。
#[utoipa::path(
    get,
    path = "/apis.json",
    operation_id = "apis",
    tag = "operation",
    responses((status = 200, description = "APIs.json 0.19", body = Apis)),
)]
pub(super) async fn list() -> Json<Apis> {
    Json(apis())
}

fn apis() -> Apis {
    let whole = Api {
        aid: "moi.gov.tw:ai-all".to_owned(),
        name: "全部介面",
        description: "四項服務與工作、上傳、複審、當事人權利、介接登記等全部路徑,及企業匯流排的請求與事件",
        properties: vec![open_api("/openapi.json".to_owned()), async_api()],
        ..of(("all", "", ""))
    };
    Apis {
        aid: "moi.gov.tw:ai",
        name: "內政部人工智慧推論服務",
        description: "信件、公文、錄音、問答與證件影像的建議;由人決定。",
        kind: "Index",
        url: PATH,
        specification_version: "0.19",
        tags: vec!["內政部", "人工智慧"],
        apis: std::iter::once(whole).chain(SERVICES.map(of)).collect(),
        common: vec![
            property("Documentation", "text/html", "/docs/".to_owned()),
            property("Catalog", "application/json", "/api/v1/services".to_owned()),
        ],
        maintainers: vec![Maintainer { name: "中華民國內政部" }],
    }
}

fn of((code, name, description): (&'static str, &'static str, &'static str)) -> Api {
    Api {
        aid: format!("moi.gov.tw:ai-{code}"),
        name,
        description,
        image: "/docs/favicon-32x32.png",
        human_url: "/docs/",
        base_url: "/",
        tags: vec![code],
        properties: vec![open_api(format!("/openapi/{code}.json")), async_api()],
    }
}

fn open_api(url: String) -> ApiProperty {
    property("OpenAPI", "application/json", url)
}

fn async_api() -> ApiProperty {
    property("AsyncAPI", "application/yaml", "/asyncapi.yaml".to_owned())
}

fn property(kind: &'static str, media_type: &'static str, url: String) -> ApiProperty {
    ApiProperty { kind, media_type, url }
}
