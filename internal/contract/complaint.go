package contract

// Complaint answers a complaint about another case (DPA 2018 s. 164A, 网络数据安全管理条例 20).
var Complaint = Workflow[CaseInput, CaseResult]{"Complaint"}

// TakeComplainant settles where the answer to a complaint goes: to the person of the case that it is about,
// or, where that case never knew whose it was, to the address with which the complaint came.
var TakeComplainant = Activity[RefInput, Nothing]{"TakeComplainant"} // core
